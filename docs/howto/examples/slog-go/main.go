// Sends what a program logs to a logstore, by log/slog and by the log package.
package main

import (
	"log"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/client/sluicelog"
)

func main() {
	c, err := client.New(client.Options{
		Endpoint:    os.Getenv("SLUICE_ENDPOINT"),
		AccessKeyID: os.Getenv("SLUICE_ACCESS_KEY_ID"),
		Secret:      os.Getenv("SLUICE_ACCESS_KEY_SECRET"),
	})
	check(err)
	queue, err := sluicelog.Open(c, sluice.LogstoreRef{Project: "howto-slog", Logstore: "app"}, sluicelog.Options{Topic: "shop"})
	check(err)

	// Structured logs: an attribute is a field.
	handler, err := queue.Handler(sluicelog.HandlerOptions{Content: sluicelog.Content{
		Name:   "checkout",
		Fields: []sluicelog.Field{sluicelog.RecordName, sluicelog.Level, sluicelog.LineNo},
		Extra:  []sluice.Field{{Key: "release", Value: "42"}},
	}})
	check(err)
	logger := slog.New(handler).With("user", "ada")
	logger.Info("order placed", slog.Int("items", 3), slog.Group("price", slog.Float64("net", 12.5), slog.String("currency", "EUR")))

	// Lines of text, with key=value in them made fields.
	lines, err := queue.Writer(sluicelog.WriterOptions{Content: sluicelog.Content{
		Fields:    []sluicelog.Field{},
		ExtractKV: true,
	}})
	check(err)
	log.New(lines, "", 0).Print(`payment refused reason="no funds" code=51`)

	check(queue.Close()) // sends what is left
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
