package mns

// Row is one row of the table of actions, for tests that ask for all of them.
type Row struct {
	Name, Permission, Method, Path, With string
	Mutating                             bool
}

// Rows are all of them.
func Rows() (rows []Row) {
	for _, a := range actions {
		rows = append(rows, Row{a.name, a.permission, a.method, a.path, a.with, a.mutating})
	}
	return rows
}

// DecodeAny reads a body as every action would, for fuzzing.
func DecodeAny(body []byte) {
	_, _ = rootOf(body)
	for root, v := range map[string]any{"Queue": &queueIn{}, "Message": &messageIn{}, "Messages": &messagesIn{}, "ReceiptHandles": &handlesIn{}} {
		_ = decode(body, root, v)
	}
}
