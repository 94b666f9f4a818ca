package operation

// agentTable is what agents ask of the server: of log agents the ConfigServer protocol, of agents of the assistant their enrolment.
const agentTable = `
* project

AgentHeartbeat W D
AgentHeartBeat W D
AgentFetchPipelineConfig R D
AgentFetchInstanceConfig R D
AgentFetchAgentConfig R D
AgentReportStatus W D
EnrolInstance=RegisterManagedInstance W M  ActivationId InstanceName Hostname Platform Version > InstanceId
`
