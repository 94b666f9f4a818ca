package operation

// ecsTable is Cloud Assistant. What runs on machines is told by its hash, what it is given by its names, and what it says never.
const ecsTable = `
* RegionId ResourceGroupId PageNumber PageSize NextToken MaxResults ClientToken InstanceId InstanceIds CommandId InvokeId Name Timed Tag.Key ResourceTag.Key

RunCommand W M  Type Description WorkingDir Timeout EnableParameter RepeatMode Frequency Username WindowsPasswordName Launcher ContentEncoding KeepCommand ContainerId ContainerName TerminationMode CommandContent:hash Parameters:names > CommandId InvokeId
CreateCommand W M  Type Description WorkingDir Timeout EnableParameter Launcher ContentEncoding CommandContent:hash > CommandId
InvokeCommand W M  Timeout RepeatMode Frequency Username WindowsPasswordName WorkingDir Launcher ContainerId ContainerName TerminationMode Parameters:names > InvokeId
ModifyCommand W M  Description WorkingDir Timeout Launcher CommandContent:hash
DeleteCommand W M
DescribeCommands R M  Type Description Provider Latest ContentEncoding
StopInvocation W M
ModifyInvocationAttribute W M  CommandContent:hash Parameters:names Frequency EnableParameter ContentEncoding
DescribeInvocations R M  InvokeStatus CommandName CommandType RepeatMode IncludeOutput ContentEncoding
DescribeInvocationResults R M  InvokeRecordStatus IncludeHistory ContentEncoding
SendFile W M  Description TargetDir FileOwner FileGroup FileMode Overwrite Timeout ContentType Content:hash > InvokeId
DescribeSendFileResults R M  InvocationStatus

DescribeCloudAssistantStatus R M  OSType
InstallCloudAssistant W M
StartTerminalSession W M  PortNumber TargetServer Username ConnectionType > SessionId
EndTerminalSession W M  SessionId
DescribeTerminalSessions R M  SessionId

CreateActivation W M  InstanceName InstanceCount TimeToLiveInHours IpAddressRange Description > ActivationId
DescribeActivations R M  ActivationId InstanceName
DisableActivation W M  ActivationId
DeleteActivation W M  ActivationId
RegisterManagedInstance W M  ActivationId InstanceName Hostname OsType OsVersion AgentVersion IntranetIp > InstanceId
DescribeManagedInstances R M  ActivationId InstanceName InstanceIp OsType
ModifyManagedInstance W M  InstanceName > InstanceId
DeregisterManagedInstance W M  > InstanceId
TagResources W M  ResourceType ResourceId
UntagResources W M  ResourceType ResourceId TagKey All

ModifyCloudAssistantSettings W M  SettingType InvocationDeliveryConfig SessionManagerConfig AgentUpgradeConfig Enabled SLSProject SLSLogStore OssDelivery SlsDelivery InvocationDelivery BucketName Prefix ProjectName LogstoreName AllowedUpgradeWindow TimeZone
DescribeCloudAssistantSettings R M  SettingType
`

// oosTable is the parameters of commands. Values of both kinds stay untold: people keep secrets in either.
const oosTable = `
* RegionId Name Type Description MaxResults NextToken ResourceGroupId ClientToken

CreateSecretParameter W M  KeyId
UpdateSecretParameter W M
DeleteSecretParameter W M
ListSecretParameters R M
CreateParameter W M
UpdateParameter W M
DeleteParameter W M
ListParameters R M
`
