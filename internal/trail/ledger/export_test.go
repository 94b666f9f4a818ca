package ledger

import "github.com/sluicelog/sluice"

// Groups are all log groups of l.
func (l *Log) Groups() (list []*sluice.LogGroup, err error) {
	begin, end := l.Bounds()
	for at := begin; at < end; {
		groups, next, err := l.groups(at, 64)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			list = append(list, g.LogGroup)
		}
		at = next
	}
	return list, nil
}
