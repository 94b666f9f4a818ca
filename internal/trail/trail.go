// Package trail keeps the audit events of a server: what was called, by whom, and what came of it.
package trail
