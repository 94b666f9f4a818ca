package operation

// slsTable is Simple Log Service, with what this server has beside it. The names of events are those of RAM's actions, where they differ from the API's.
const slsTable = `
* project projectName logstore logstoreName name offset size type group consumer shard task id config chart account user
@store logstoreName ttl hot_ttl infrequentAccessTTL shardCount autoSplit maxSplitShard mode appendMeta enable_tracking telemetryType enableModify encrypt_conf enable encrypt_type resourceQuota
@job displayName description status state action schedule cronExpression interval runImmediately timeZone jobType configuration logstore sourceLogstore destProject destLogstore fromTime toTime sink sinkType bucket prefix ossBucket ossPrefix roleArn roleARN region instanceType
@search from to query topic line offset reverse powerSql where limit key session
@policy Version Statement Effect Action Resource Principal

CreateProject W M  projectName description dataRedundancyType resourceGroupId crossRegion
GetProject R M
UpdateProject W M  projectName description dataRedundancyType resourceGroupId crossRegion
DeleteProject W MF
ListProject R M  projectName description dataRedundancyType resourceGroupId crossRegion
ListProjectCrossRegion R M

GetProjectPolicy R M
PutProjectPolicy W M  @policy
DeleteProjectPolicy W M

CreateLogStore W M  @store
ListLogStores R M
GetLogStore R M
UpdateLogStore W MF  @store
DeleteLogStore W MF

ListShards R M
SplitShard W M  key action shardCount
MergeShards W M  key action shardCount
DeleteShard W M
GetCursor=GetCursorOrData R D  cursor end_cursor count from
GetCursorTime R D  cursor end_cursor count from

PutLogs=PostLogStoreLogs W D  key

PullLogs=GetCursorOrData R D  cursor end_cursor count from

GetLogs=GetLogStoreLogs R D  @search

GetLogsV2=GetLogStoreLogs R D  @search
GetProjectLogs R D  @search

GetHistograms=GetLogStoreHistogram R D  @search
GetContextLogs=GetLogStoreContextLogs R D  pack_id pack_meta back_lines forward_lines
ListTopics R D  from to

TailLogs R D  @search
ExplainLogs R D  @search

PutWebtracking=PostLogStoreLogs W D

CreateConsumerGroup W M  consumerGroup timeout order forceSuccess shard
ListConsumerGroup R M
UpdateConsumerGroup W M  consumerGroup timeout order forceSuccess shard
DeleteConsumerGroup W M
HeartBeat=ConsumerGroupHeartBeat W D  consumer
ConsumerGroupUpdateCheckPoint W D  consumerGroup timeout order forceSuccess shard
GetConsumerGroupCheckPoint R D  consumerGroup timeout order forceSuccess shard

CreateIndex W M  keys:types line include_keys exclude_keys chn caseSensitive max_text_len log_reduce ttl
UpdateIndex W M  keys:types line include_keys exclude_keys chn caseSensitive max_text_len log_reduce ttl
GetIndex R M
DeleteIndex W MF

RebuildIndex W M  from to run
GetIndexRebuild R M
CancelIndexRebuild W M
ListIndexSegments R M

ListMachineGroup R M
CreateMachineGroup W M  groupName groupType machineIdentifyType groupAttribute
GetMachineGroup R M
UpdateMachineGroup W M  groupName groupType machineIdentifyType groupAttribute
DeleteMachineGroup W M
ListMachines R M
UpdateMachineGroupMachine W M  groupName groupType machineIdentifyType groupAttribute
GetAppliedConfigs R M
ApplyConfigToMachineGroup=ApplyConfigToGroup W M  groupName groupType machineIdentifyType groupAttribute
RemoveConfigFromMachineGroup=RemoveConfigFromGroup W M  groupName groupType machineIdentifyType groupAttribute

ListConfig R M
CreateConfig W M  configName inputType outputType
GetConfig R M
UpdateConfig W M  configName inputType outputType
DeleteConfig W M
GetAppliedMachineGroups R M

ListLogtailPipelineConfig R M
CreateLogtailPipelineConfig W M  configName
GetLogtailPipelineConfig R M
UpdateLogtailPipelineConfig W M  configName
DeleteLogtailPipelineConfig W M

ListSavedSearch R M
CreateSavedSearch W M  savedsearchName displayName searchQuery topic
GetSavedSearch R M
UpdateSavedSearch W M  savedsearchName displayName searchQuery topic
DeleteSavedSearch W M

ListDashboard R M
CreateDashboard W M  dashboardName displayName description title chartName
GetDashboard R M
UpdateDashboard W M  dashboardName displayName description title chartName
DeleteDashboard W M
CreateChart W M  dashboardName displayName description title chartName
UpdateChart W M  dashboardName displayName description title chartName
GetChart R M
DeleteChart W M

ListExternalStore R M
CreateExternalStore W M  externalStoreName storeType
GetExternalStore R M
UpdateExternalStore W M  externalStoreName storeType
DeleteExternalStore W M

ListStoreViews R M
CreateStoreView W M  storeType stores storeName
GetStoreView R M
UpdateStoreView W M  storeType stores storeName
DeleteStoreView W M
GetStoreViewIndex R M

ListSubStore R M
CreateSubStore W M  ttl sortedKeyCount timeIndex
GetSubStore R M
UpdateSubStore W M  ttl sortedKeyCount timeIndex
DeleteSubStore W M
GetSubStoreTTL R M
UpdateSubStoreTTL W M  ttl sortedKeyCount timeIndex

ListMetricStores R M
CreateMetricStore W M  @store metricType
GetMetricStore R M
UpdateMetricStore W MF  @store metricType
DeleteMetricStore W MF

CreateMetricsConfig W M
GetMetricsConfig R M
UpdateMetricsConfig W M
DeleteMetricsConfig W M

TagResources W M  resourceType resourceId

UntagResources W M  description

ListTagResources R M

TagResourcesSystemTags W M  resourceType resourceId

UntagResourcesSystemTags W M  resourceType resourceId

ListSystemTagResources R M

ChangeResourceGroup W M  resourceType resourceId resourceGroupId

CreateLogging W M  loggingProject loggingDetails
UpdateLogging W M  loggingProject loggingDetails
GetLogging R M
DeleteLogging W M

DescribeRegions R M

GetSlsService R M
OpenSlsService W M

GetLogStoreMeteringMode R M
UpdateLogStoreMeteringMode W M  meteringMode

GetMetricStoreMeteringMode R M
UpdateMetricStoreMeteringMode W M  meteringMode

GetLogStoreMultimodalConfiguration R M
PutLogStoreMultimodalConfiguration W M

GetLogtailProfile R M

ListDomains R M
CreateDomain W M  domainName domain
DeleteDomain W M

ListCname R M
CreateCname W M  domainName domain
DeleteCname W M

ListResources R M
CreateResource W M  description
GetResource R M
UpdateResource W M  description
DeleteResource W M
ListResourceRecords R M
CreateResourceRecord W M  description
UpsertResourceRecord W M  description
DeleteResourceRecord W M
GetResourceRecord R M
UpdateResourceRecord W M  description

ListTopostore R M
CreateTopostore W M  description
GetTopostore R M
UpdateTopostore W M  description
DeleteTopostore W M
ListTopostoreNode R M
CreateTopostoreNode W M  description
UpsertTopostoreNode W M  description
DeleteTopostoreNode W M
GetTopostoreNode R M
UpdateTopostoreNode W M  description
ListTopostoreRelation R M
CreateTopostoreRelation W M  description
UpsertTopostoreRelation W M  description
DeleteTopostoreRelation W M
GetTopostoreRelation R M
UpdateTopostoreRelation W M  description

ListEtlJob R M
CreateEtlJob W M  @job
GetEtlJob R M
UpdateEtlJob W M  @job
DeleteEtlJob W M

ListShipper R M
CreateShipper W M  shipperName targetType targetConfiguration ossBucket ossPrefix bufferInterval bufferSize compressType roleArn status
GetShipper R M
UpdateShipper W M  shipperName targetType targetConfiguration ossBucket ossPrefix bufferInterval bufferSize compressType roleArn status
DeleteShipper W M
GetShipperStatus R M
RetryShipperTask W M  shipperName targetType targetConfiguration ossBucket ossPrefix bufferInterval bufferSize compressType roleArn status

ListJobs R M
CreateJob W M  @job
GetJob R M
UpdateJob W M  @job
DeleteJob W M
ListJobInstances R M
GetJobInstance R M
ModifyJobInstanceState W M  @job

ListOSSExports R M
CreateOSSExport W M  @job
GetOSSExport R M
UpdateOSSExport W M  @job
DeleteOSSExport W M

ListAlerts R M
CreateAlert W M  @job
GetAlert R M
UpdateAlert W M  @job
DeleteAlert W M

ListETLs R M
CreateETL W M  @job
GetETL R M
UpdateETL W M  @job
DeleteETL W M

ListScheduledSQLs R M
CreateScheduledSQL W M  @job
GetScheduledSQL R M
UpdateScheduledSQL W M  @job
DeleteScheduledSQL W M

ListOSSIngestions R M
CreateOSSIngestion W M  @job
GetOSSIngestion R M
UpdateOSSIngestion W M  @job
DeleteOSSIngestion W M

ListS3Ingestions R M
CreateS3Ingestion W M
GetS3Ingestion R M
UpdateS3Ingestion W M
DeleteS3Ingestion W M

CreateDeliveryTask W M  action sink bucket prefix region start description filter topic
ListDeliveryTasks R M
GetDeliveryTask R M
UpdateDeliveryTask W M  action sink bucket prefix region start description filter topic
DeleteDeliveryTask W M
VerifyDeliveryTask W M  action sink bucket prefix region start description filter topic
ChallengeDeliveryTask W M  action sink bucket prefix region start description filter topic
ProveDeliveryTask W M  action sink bucket prefix region start description filter topic
StartDeliveryTask W M  action sink bucket prefix region start description filter topic
PauseDeliveryTask W M  action sink bucket prefix region start description filter topic
StopDeliveryTask W M  action sink bucket prefix region start description filter topic
RedriveDeliveryTask W M  action sink bucket prefix region start description filter topic
CreateImport W M  bucket prefix region endpoint addressing from insights intervalSeconds lateHours
ListImports R M
GetImport R M
DeleteImport W M

CreateAccessKey W M  description account user readOnly root projects disabled expiresInSeconds > accessKeyId account
ListAccessKeys R M
GetAccessKey R M
UpdateAccessKey W M  description account user readOnly root projects disabled expiresInSeconds > accessKeyId account
DeleteAccessKey W M
GetAccessKeyLimits R M
SetAccessKeyLimits W M  write read bytesPerSecond requestsPerSecond writeBytes writeRequests readBytes readRequests
DeleteAccessKeyLimits W M

CreateBackup W M

GetTrailAnchor R M
CreateTrailAnchor W M
RotateTrailKey W M

CreateAccount W M  description > accountId
ListAccounts R M
DeleteAccount W M

ExplainPermission R M  user role action resource account

GetResourcePolicy R M
PutResourcePolicy W M
DeleteResourcePolicy W M

GetTransferAcceleration R M
PutTransferAcceleration W M

GetDirectModeIP R M

EnableLogStoreModify W M  enabled

ClearLogStoreStorage W M

GetLogStoreReplication R M
UpdateLogStoreReplication W M

UpdateLogStoreEncryption W M  @store

UpdateLogStoreProcessor W M  @store

GetLogStoreConfig R M
UpdateLogStoreConfig W M  @store

UpdateMetricStoreProcessor W M  @store metricType

PrometheusWrite W D
PrometheusQuery R D
PrometheusQueryRange R D
PrometheusLabels R D
PrometheusLabelValues R D
PrometheusSeries R D

PutHostMetrics W D

CreateDeleteLogsTask W M  from to query topic > taskId
ListDeleteLogsTasks R M
GetDeleteLogsTask R M

DeleteLogs W M  from to query topic rowId > affectedRows

UpdateLogs W M  from to query topic rowId updateMode data:names > affectedRows

SubmitAsyncSQL R D  @search
GetAsyncSQL R D
DeleteAsyncSQL W M

ListMaterializedViews R M
CreateMaterializedView W M
GetMaterializedView R M
UpdateMaterializedView W M
DeleteMaterializedView W M

GetSQLInstance R M
CreateSQLInstance W M
UpdateSQLInstance W M

ListObjects R D
PutObject W D
GetObject R D

ListProjectConsumerGroups R M
CreateProjectConsumerGroup W M  consumerGroup timeout order forceSuccess shard
DeleteProjectConsumerGroup W M

ApproveMachineGroup W M  groupName groupType machineIdentifyType groupAttribute

ListAgentInstanceConfigs R M
CreateAgentInstanceConfig W M

ListCollectionPolicies R M
UpsertCollectionPolicy W M  policyName productCode dataCode enabled policyConfig resourceMode
GetCollectionPolicy R M
DeleteCollectionPolicy W M

ListJobSchedules R M
GetJobSchedule R M

PublishAlertEvent W D  @job

ListEtlMeta R M
CreateEtlMeta W M

ListEtlMetaName R M

ListConsumeProcessors R M

ListIngestProcessors R M

# in the RPC dialect
AnalyzeAppLog W M  AppType DisplayName VariableMap:names
DescribeApp R M  AppName
DeleteApp W M  AppName

AnalyzeProductLog W M  CloudProduct Project Logstore Region Overwrite
InitUserAlertResource W M  App Language Region
InitProjectAlertResource W M
`
