-- The health of a SimReceiver. One with spec.suspend is Suspended. Deliveries in quarantine leave it Healthy, and are told
-- in the message: what the sender got wrong is no fault of the Application, and must not stop a sync.
--
-- The bare language is enough for this script: it calls no library.
local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for i = 1, #obj.status.conditions do
    conditions[obj.status.conditions[i].type] = obj.status.conditions[i]
  end
end

local function holds(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation or conditions.Ready == nil then
  return { status = "Progressing", message = "The manager has not seen the latest change yet" }
end
if holds("Stalled") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
if holds("Suspended") then
  return { status = "Suspended", message = conditions.Suspended.message }
end
if not holds("Ready") then
  return { status = "Progressing", message = conditions.Ready.message }
end
if holds("Quarantined") then
  return { status = "Healthy", message = conditions.Ready.message .. ". " .. conditions.Quarantined.message }
end
return { status = "Healthy", message = conditions.Ready.message }
