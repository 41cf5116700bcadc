-- The health of a SimAlert says whether its last report has been processed, not whether the alert is on. That a customer
-- has used most of a bundle is no fault of the Application that declares the resource: it must not turn the Application
-- Degraded, nor stop a sync. The message says how the alert stands; Prometheus and Events tell people.
--
-- An alert of which nothing was ever reported is Suspended, which is Argo CD's word for what waits for something outside.
-- It may never come, and that is good news; Progressing would stay for ever.
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
if not holds("Ready") then
  return { status = "Suspended", message = conditions.Ready.message }
end

local message = conditions.Ready.message
if conditions.Active ~= nil then
  message = conditions.Active.message
end
local more = { "Stale", "Flapping", "Orphaned" }
for i = 1, #more do
  if holds(more[i]) then
    message = message .. ". " .. more[i] .. ": " .. conditions[more[i]].message
  end
end
return { status = "Healthy", message = message }
