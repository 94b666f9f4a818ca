package aws

// Row is a row of the table of operations.
type Row struct {
	Name     string
	Mutating bool
	Trail    string
}

// Rows are all of them.
func Rows() (rows []Row) {
	for _, table := range tables {
		for _, o := range table {
			rows = append(rows, Row{o.name, o.mutating, o.trail})
		}
	}
	return rows
}
