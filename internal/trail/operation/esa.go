package operation

// esaTable is real-time log delivery of edge sites. Of destinations it is told where they are, not how to get in.
const esaTable = `
* SiteId SiteName TaskName BusinessType PageNumber PageSize DataCenter DeliveryType FieldName DiscardRate FilterVer Method Status
@destination SlsDelivery HttpDelivery KafkaDelivery S3Delivery OssDelivery BucketName BucketPath PrefixPath Region S3Cmpt Topic Compress Balancer SLSProject SLSLogStore SLSRegion AliUid DestUrl

CreateSite W M  AccessType Coverage InstanceId > SiteId
GetSite R M
ListSites R M
DeleteSite W M

CreateSiteDeliveryTask W M  @destination
CreateUserDeliveryTask W M  @destination
UpdateSiteDeliveryTask W M  @destination
UpdateUserDeliveryTask W M  @destination
DeleteSiteDeliveryTask W M
DeleteUserDeliveryTask W M
UpdateSiteDeliveryTaskStatus W M
UpdateUserDeliveryTaskStatus W M
GetSiteDeliveryTask R M
GetUserDeliveryTask R M
ListSiteDeliveryTasks R M
ListUserDeliveryTasks R M

GetSiteLogDeliveryQuota R M
GetUserLogDeliveryQuota R M
GetRealtimeDeliveryField R M
CreateSiteCustomLog W M  RequestHeaders ResponseHeaders
UpdateSiteCustomLog W M  RequestHeaders ResponseHeaders
GetSiteCustomLog R M
CreateSlrRoleForRealtimeLog W M
GetEdgeContainerAppLogRiver R M  AppId
UpdateEdgeContainerAppLogRiver W M  AppId Path Stdout
GetEdgeContainerLogs R M  AppId
DescribeSiteLogs R M  StartTime EndTime
`
