package logpb

// Groups calls yield with the bytes of each log group of a LogGroupList, which are part of list, until it returns an error. It looks
// into no group.
func Groups(list []byte, yield func(group []byte) error) error {
	for i := 0; i < len(list); {
		f, next, err := consume(list, i, listMessage)
		if err != nil {
			return err
		}
		i = next
		if f.num != listGroups {
			continue
		}
		if err := yield(f.data); err != nil {
			return err
		}
	}
	return nil
}

// Parts is a log group as bytes: its logs apart from what they share. Logs and Rest, one behind the other, are the group again, and
// two groups with the same Rest are one with the logs of both. The zero value is an empty group; memory is used again.
type Parts struct {
	Logs          []byte // fields of the logs
	Rest          []byte // all other fields
	Count         int    // logs
	Topic, Source []byte // part of the group that was split
}

// Split takes a group apart. With topic or source not nil, the group's own are left out of Rest and these are put there.
func (p *Parts) Split(group []byte, topic, source *string) error {
	*p = Parts{Logs: p.Logs[:0], Rest: p.Rest[:0]}
	run := 0 // where the logs began that are not appended yet
	for i := 0; i < len(group); {
		f, next, err := consume(group, i, groupMessage)
		if err != nil {
			return err
		}
		if f.num == groupLogs {
			p.Count++
			i = next
			continue
		}
		p.Logs = append(p.Logs, group[run:i]...)
		field := group[i:next]
		i, run = next, next
		switch {
		case f.num == groupTopic && topic != nil, f.num == groupSource && source != nil:
			continue
		case f.num == groupTopic:
			p.Topic = f.data
		case f.num == groupSource:
			p.Source = f.data
		}
		p.Rest = append(p.Rest, field...)
	}
	p.Logs = append(p.Logs, group[run:]...)
	p.replace(tagTopic, topic, &p.Topic)
	p.replace(tagSource, source, &p.Source)
	return nil
}

func (p *Parts) replace(tag byte, value *string, field *[]byte) {
	if value == nil || *value == "" {
		return
	}
	p.Rest = appendString(p.Rest, tag, *value)
	*field = []byte(*value)
}
