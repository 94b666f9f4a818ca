package pop

// Row is a row of the table of actions.
type Row struct {
	Version, Name string
	Mutating      bool
}

// Rows are all of them.
func Rows() (rows []Row) {
	for _, table := range tables {
		for _, a := range table {
			rows = append(rows, Row{a.version, a.name, a.mutating})
		}
	}
	return rows
}
