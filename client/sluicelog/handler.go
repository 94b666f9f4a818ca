package sluicelog

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
)

// HandlerOptions of a handler.
type HandlerOptions struct {
	Content

	Level slog.Leveler // [slog.LevelInfo] logs below it are not queued
	// NoAttrs leaves the attributes of logs and loggers out.
	NoAttrs bool
	// ReplaceAttr, as in [slog.HandlerOptions], changes an attribute before it is sent, or removes it by returning the zero one. It
	// sees neither groups nor what Content says.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr
}

// Handler is a [slog.Handler] on a queue. An attribute becomes a field; inside groups its name is group.name. Values are text as it
// is, times in RFC 3339, errors by what they say, and all else as JSON.
type Handler struct {
	queue   *Queue
	o       HandlerOptions
	content *content
	attrs   []sluice.Field // of the logger
	groups  []string       // that are open
}

// Handler returns a handler on q. It fails for fields that there are not and for a separator that is no regular expression.
func (q *Queue) Handler(o HandlerOptions) (*Handler, error) {
	c, err := o.compile()
	if err != nil {
		return nil, err
	}
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	return &Handler{queue: q, o: o, content: c}, nil
}

// Enabled reports whether logs of a level are queued.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.o.Level.Level() && ctx.Value(sending{}) == nil
}

// Handle queues a log. Its error says that the log was dropped. Whether ctx ends plays no part.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if ctx.Value(sending{}) != nil {
		return nil
	}
	t := r.Time
	if t.IsZero() {
		t = time.Now() // a log has a time
	}
	record := sluice.Record{Time: uint32(t.Unix()), Nanos: uint32(t.Nanosecond())}
	record.Fields = make([]sluice.Field, 0, 2+len(h.content.Fields)+len(h.content.always)+len(h.attrs)+r.NumAttrs())
	if h.content.level != "" {
		record.Fields = append(record.Fields, sluice.Field{Key: h.content.level, Value: r.Level.String()})
	}
	record.Fields = h.content.appendMessage(record.Fields, r.Message)
	if !h.o.NoAttrs {
		record.Fields = append(record.Fields, h.attrs...)
		prefix := h.prefix()
		r.Attrs(func(a slog.Attr) bool {
			record.Fields = h.appendAttr(record.Fields, h.groups, prefix, a)
			return true
		})
	}
	record.Fields = h.content.appendCaller(record.Fields, r.PC)
	record.Fields = append(record.Fields, h.content.always...)
	return h.queue.Add(context.WithoutCancel(ctx), record)
}

// WithAttrs returns a handler whose logs have attrs, too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	with := *h
	with.attrs = slices.Clip(h.attrs)
	prefix := h.prefix()
	for _, a := range attrs {
		with.attrs = h.appendAttr(with.attrs, h.groups, prefix, a)
	}
	return &with
}

// WithGroup returns a handler that puts later attributes into a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.groups = append(slices.Clip(h.groups), name)
	return &with
}

func (h *Handler) prefix() string {
	prefix := ""
	for _, g := range h.groups {
		prefix += g + "."
	}
	return prefix
}

// appendAttr appends the fields of an attribute, of which a group has many and an empty one none.
func (h *Handler) appendAttr(dst []sluice.Field, groups []string, prefix string, a slog.Attr) []sluice.Field {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
			groups = append(slices.Clip(groups), a.Key)
		}
		for _, member := range a.Value.Group() {
			dst = h.appendAttr(dst, groups, prefix, member)
		}
		return dst
	}
	if h.o.ReplaceAttr != nil {
		a = h.o.ReplaceAttr(groups, a)
		a.Value = a.Value.Resolve()
	}
	if a.Equal(slog.Attr{}) {
		return dst
	}
	return append(dst, sluice.Field{Key: prefix + a.Key, Value: valueText(a.Value)})
}

// valueText is a value as text. A value that panics while it is read, as methods of nil pointers do, costs its text and no more.
func valueText(v slog.Value) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	switch v.Kind() {
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		return anyText(v.Any())
	}
	return v.String()
}

func anyText(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case error:
		return v.Error()
	case encoding.TextMarshaler:
		if text, err := v.MarshalText(); err == nil {
			return string(text)
		}
	case json.Marshaler: // its JSON says more than a name
	case fmt.Stringer:
		return v.String()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return jsonText(text)
}
