package operation

// actionTrailTable is the trails of ActionTrail, of both versions.
const actionTrailTable = `
* Name TrailName PageNumber PageSize MaxResults NextToken StartTime EndTime
@made Name HomeRegion OssBucketName OssKeyPrefix SlsProjectArn EventRW TrailRegion
@trail OssBucketName OssKeyPrefix OssWriteRoleArn SlsProjectArn SlsWriteRoleArn MaxComputeProjectArn MaxComputeWriteRoleArn EventRW TrailRegion

CreateTrail W M  @trail IsOrganizationTrail RoleName > @made
UpdateTrail W M  @trail RoleName > @made
DeleteTrail W M
StartLogging W M
StopLogging W M
DescribeTrails R M  NameList IncludeShadowTrails IncludeOrganizationTrail
GetTrailStatus R M  IsOrganizationTrail
LookupEvents R M  LookupAttribute.Key LookupAttribute.Value Direction Request Event EventType ServiceName EventName User ResourceType ResourceName EventRW EventAccessKeyId WaitSeconds
CreateDeliveryHistoryJob W M  ClientToken > JobId
GetDeliveryHistoryJob R M  JobId
ListDeliveryHistoryJobs R M
DeleteDeliveryHistoryJob W M  JobId
DescribeRegions R M  AcceptLanguage
GetGlobalEventsStorageRegion R M
UpdateGlobalEventsStorageRegion W M  StorageRegion
ListDataEventServices R M
GetAccessKeyLastUsedInfo R M  AccessKey
GetAccessKeyLastUsedEvents R M  AccessKey ServiceName
GetAccessKeyLastUsedIps R M  AccessKey ServiceName
GetAccessKeyLastUsedProducts R M  AccessKey ServiceName
GetAccessKeyLastUsedResources R M  AccessKey ServiceName
EnableInsight W M  InsightType
DescribeResourceLifeCycleEvents R M  ServiceName ResourceType
DescribeUserLogCount R M
DescribeUserAlertCount R M
CreateDataEventSelector W M  EventSelectors ServiceName TrailRegionIds
PutDataEventSelector W M  EventSelectors ServiceName TrailRegionIds
UpdateDataEventSelector W M  EventSelectors ServiceName TrailRegionIds
DeleteDataEventSelector W M
GetDataEventSelector R M
ListDataEventSelectors R M
`

// cloudTrailTable is the trails of CloudTrail.
const cloudTrailTable = `
* Name TrailName TrailARN MaxResults NextToken StartTime EndTime
@told Name TrailARN S3BucketName S3KeyPrefix IncludeGlobalServiceEvents IsMultiRegionTrail LogFileValidationEnabled IsOrganizationTrail
@bucket S3BucketName S3KeyPrefix SnsTopicName IncludeGlobalServiceEvents IsMultiRegionTrail EnableLogFileValidation CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn KmsKeyId IsOrganizationTrail

CreateTrail W M  @bucket TagsList Key > @told
UpdateTrail W M  @bucket > @told
DeleteTrail W M
StartLogging W M
StopLogging W M
DescribeTrails R M  trailNameList includeShadowTrails
GetTrail R M
ListTrails R M
GetTrailStatus R M
LookupEvents R M  LookupAttributes AttributeKey AttributeValue EventCategory
PutEventSelectors W M  EventSelectors ReadWriteType IncludeManagementEvents DataResources Type Values ExcludeManagementEventSources AdvancedEventSelectors FieldSelectors Field Equals StartsWith EndsWith NotEquals NotStartsWith NotEndsWith > TrailARN
GetEventSelectors R M
PutInsightSelectors W M  InsightSelectors InsightType
GetInsightSelectors R M
ListPublicKeys R M
AddTags W M  ResourceId TagsList Key
RemoveTags W M  ResourceId TagsList Key
ListTags R M  ResourceIdList
`
