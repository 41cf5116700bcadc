-- The health of a SimOrder, read from the conditions that kstatus reads too. An order is Healthy when it is Complete.
--
-- Argo CD has no time-out of its own for what is Progressing. So an order that will hardly finish by itself is Degraded:
-- one that is Overdue, and one whose receiver was deleted.
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
if holds("Ready") then
  return { status = "Healthy", message = conditions.Ready.message }
end
if holds("Stalled") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
if holds("Orphaned") then
  return { status = "Degraded", message = conditions.Ready.message .. ". " .. conditions.Orphaned.message }
end
if holds("Overdue") then
  return { status = "Degraded", message = conditions.Overdue.message }
end
return { status = "Progressing", message = conditions.Ready.message }
