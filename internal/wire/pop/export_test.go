package pop

// Row is a row of the table of actions.
type Row struct {
	Version, Name, Permission, Service string
	Mutating                           bool
	Resources                          []string
}

// Rows are all of them.
func Rows() (rows []Row) {
	for _, table := range tables {
		for _, a := range table {
			rows = append(rows, Row{a.version, a.name, a.permission, a.service(), a.mutating, a.resources})
		}
	}
	return rows
}
