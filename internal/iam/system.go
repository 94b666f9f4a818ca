package iam

// systemPolicies are in every account, by name. Actions named sluice:… are those of this server that the service followed here does not have.
var systemPolicies = []Policy{
	system("AWSCloudTrail_FullAccess", "audit trails of the CloudTrail API, and events to look up", `["cloudtrail:*"]`),
	system("AWSCloudTrail_ReadOnlyAccess", "audit trails and events by the CloudTrail API, to look at", `["cloudtrail:Get*","cloudtrail:List*","cloudtrail:Describe*","cloudtrail:Lookup*"]`),
	system("AdministratorAccess", "everything in the account", `["*"]`),
	system("AliyunActionTrailFullAccess", "audit trails, and events to look up", `["actiontrail:*"]`),
	system("AliyunActionTrailReadOnlyAccess", "audit trails and events, to look at", `["actiontrail:Get*","actiontrail:List*","actiontrail:Describe*","actiontrail:Lookup*"]`),
	system("AliyunESAFullAccess", "edge sites and the delivery of their logs", `["esa:*"]`),
	system("AliyunESAReadOnlyAccess", "edge sites, to look at", `["esa:Get*","esa:List*","esa:Describe*"]`),
	system("AliyunLogFullAccess", "projects and all that is in them", `["log:*","sluice:*"]`),
	system("AliyunLogReadOnlyAccess", "projects and all that is in them, to look at", `["log:Get*","log:List*","log:Query*","log:Describe*","sluice:Get*","sluice:List*"]`),
	system("AliyunRAMFullAccess", "users, groups, roles and policies; whoever has it can give himself the rest", `["ram:*"]`),
	system("AliyunRAMReadOnlyAccess", "users, groups, roles and policies, to look at", `["ram:Get*","ram:List*"]`),
	system("AliyunSTSAssumeRoleAccess", "to assume roles that trust the account", `["sts:AssumeRole"]`),
	system("ReadOnlyAccess", "everything in the account, to look at", `["*:Get*","*:List*","*:Query*","*:Describe*","*:Lookup*"]`),
}

func system(name, description, actions string) Policy {
	return Policy{
		Entry: Entry{Name: name, ID: name}, Type: System, Description: description, Default: "v1",
		Versions: []Version{{ID: "v1", Document: `{"Version":"1","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`}},
	}
}
