package operation

// ramTable is users, groups, roles, policies and access keys.
const ramTable = `
* UserName GroupName RoleName PolicyName PolicyType VersionId Marker MaxItems UserAccessKeyId
@trust Version Statement Effect Action Principal RAM Service
@policy Version Statement Effect Action Resource

CreateUser W M  DisplayName Comments > User UserId UserName
GetUser R M
UpdateUser W M  NewUserName NewDisplayName NewComments
DeleteUser W M
ListUsers R M

CreateGroup W M  Comments
GetGroup R M
DeleteGroup W M
ListGroups R M
AddUserToGroup W M
RemoveUserFromGroup W M
ListUsersForGroup R M
ListGroupsForUser R M

CreateRole W M  Description MaxSessionDuration AssumeRolePolicyDocument @trust > Role RoleId RoleName Arn
GetRole R M
UpdateRole W M  NewDescription NewMaxSessionDuration NewAssumeRolePolicyDocument @trust
DeleteRole W M
ListRoles R M

CreatePolicy W M  Description PolicyDocument @policy
GetPolicy R M
DeletePolicy W M
ListPolicies R M
CreatePolicyVersion W M  SetAsDefault RotateStrategy PolicyDocument @policy
GetPolicyVersion R M
DeletePolicyVersion W M
ListPolicyVersions R M
SetDefaultPolicyVersion W M

AttachPolicyToUser W M
AttachPolicyToGroup W M
AttachPolicyToRole W M
DetachPolicyFromUser W M
DetachPolicyFromGroup W M
DetachPolicyFromRole W M
ListPoliciesForUser R M
ListPoliciesForGroup R M
ListPoliciesForRole R M

CreateAccessKey W M  > AccessKey AccessKeyId Status
UpdateAccessKey W M  Status
DeleteAccessKey W M
ListAccessKeys R M
GetAccessKeyLastUsed R M
`

// stsTable is the opening of sessions. The key of one is told by its id alone.
const stsTable = `
@policy Version Statement Effect Action Resource

AssumeRole W M  RoleArn RoleSessionName DurationSeconds Policy @policy > AssumedRoleUser Arn AssumedRoleId
GetCallerIdentity R M
`
