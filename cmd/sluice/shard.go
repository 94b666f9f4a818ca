package main

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) shardCommand() *cobra.Command {
	return parent("shard", "Shards: the parts of a logstore, by hash key",
		a.shardList(), a.shardSplit(), a.shardMerge(), a.shardArrange(), a.shardDelete())
}

func (a *app) shardList() *cobra.Command {
	return a.refVerb("list", "List the shards of a logstore", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		shards, err := c.Shards(cmd.Context(), ref)
		if err != nil {
			return err
		}
		return a.showShards(cmd, shards)
	})
}

// shardVerb is a command about one shard.
func (a *app) shardVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, id sluice.ShardID) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " PROJECT/LOGSTORE SHARD",
		Short:             short,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			id, err := shardArg(cmd, args[1])
			if err != nil {
				return err
			}
			return suggest(cmd.Context(), c, ref, run(cmd, c, ref, id))
		},
	}
}

func shardArg(cmd *cobra.Command, s string) (sluice.ShardID, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, misused(cmd, fmt.Errorf("%q is not the number of a shard", s))
	}
	return sluice.ShardID(n), nil
}

func (a *app) shardSplit() *cobra.Command {
	var o client.SplitOptions
	cmd := a.shardVerb("split", "Split a shard", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, id sluice.ShardID) error {
		shards, err := c.SplitShard(cmd.Context(), ref, id, o)
		if err != nil {
			return err
		}
		return a.showShards(cmd, shards)
	})
	cmd.Long = "Split a shard in the middle, at a key, or in equal parts. The shard becomes read-only; its logs stay until they expire."
	cmd.Flags().StringVar(&o.Key, "at", "", "hash `key` to split at, 1 to 32 hexadecimal digits")
	cmd.Flags().IntVar(&o.Count, "parts", 2, "how many equal parts")
	cmd.MarkFlagsMutuallyExclusive("at", "parts")
	return cmd
}

func (a *app) shardMerge() *cobra.Command {
	return a.shardVerb("merge", "Merge a shard with its neighbour on the right", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, id sluice.ShardID) error {
		shards, err := c.MergeShard(cmd.Context(), ref, id)
		if err != nil {
			return err
		}
		return a.showShards(cmd, shards)
	})
}

func (a *app) shardArrange() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "arrange PROJECT/LOGSTORE COUNT",
		Short: "Split or merge shards until COUNT of them take logs",
		Long: `Split the widest shards, or merge the narrowest, until COUNT of them take logs. Those that were split or merged become read-only; their logs
stay until they expire.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 1 {
				return misused(cmd, fmt.Errorf("%q is not a number of shards", args[1]))
			}
			shards, err := c.ArrangeShards(cmd.Context(), ref, n)
			if err != nil {
				return suggest(cmd.Context(), c, ref, arranged(cmd, c, ref, err))
			}
			return a.showShards(cmd, shards)
		},
	}
	return cmd
}

// arranged adds to an error that came on the way how far it had got.
func arranged(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, err error) error {
	shards, listErr := c.Shards(cmd.Context(), ref)
	if listErr != nil {
		return err
	}
	open := 0
	for _, s := range shards {
		if !s.ReadOnly {
			open++
		}
	}
	return &hinted{err, fmt.Sprintf("%s of %s take logs now. Arrange them to a number that goes: sluice shard arrange %s COUNT", plural(open, "shard"), ref, ref)}
}

func (a *app) shardDelete() *cobra.Command {
	var yes bool
	cmd := a.shardVerb("delete", "Delete a read-only shard with its logs", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, id sluice.ShardID) error {
		if err := a.confirm(cmd, yes, "Delete shard %s of %s with its logs?", id, ref); err != nil {
			return err
		}
		if err := c.DeleteShard(cmd.Context(), ref, id); err != nil {
			return err
		}
		a.note("shard %s of %s deleted", id, ref)
		return nil
	})
	yesFlag(cmd, &yes)
	return cmd
}

// shownShard is a shard in the words of the dialect.
type shownShard struct {
	ID      sluice.ShardID `json:"shardID"`
	Status  string         `json:"status"`
	Begin   string         `json:"inclusiveBeginKey"`
	End     string         `json:"exclusiveEndKey"`
	Created string         `json:"createTime"`
}

// showShards lists shards; a terminal also gets a picture of the key space.
func (a *app) showShards(cmd *cobra.Command, shards []client.Shard) error {
	list := make([]shownShard, len(shards))
	for i, s := range shards {
		status := "readwrite"
		if s.ReadOnly {
			status = "readonly"
		}
		list[i] = shownShard{s.ID, status, s.Begin.String(), s.End.String(), showTime(s.Created)}
	}
	return a.show(cmd, list, func() error {
		if a.out.Terminal() {
			fmt.Fprintln(a.out, keySpace(shards, min(a.out.Width(), 100)))
		}
		table := tty.NewTable(">SHARD", "STATUS", "FROM KEY", "TO KEY", "CREATED")
		for _, s := range list {
			status := a.out.Green(s.Status)
			if s.Status == "readonly" {
				status = a.out.Dim(s.Status)
			}
			table.Add(s.ID.String(), status, s.Begin, s.End, s.Created)
		}
		return table.Write(a.out)
	})
}

// keySpace draws which read-write shard owns which part of the keys:
//
//	├──────── 0 ────────┼──────── 1 ────────┤
//	00…                 80…               ff…
func keySpace(shards []client.Shard, width int) string {
	var bar, keys strings.Builder
	drawn := 0 // columns
	for _, s := range byKey(shards) {
		from, to := column(s.Begin, width), column(s.End, width)
		if from != drawn || from == to {
			return "" // only some of the shards, or too many
		}
		edge := "┼"
		if drawn == 0 {
			edge = "├"
		}
		bar.WriteString(edge + centre(" "+s.ID.String()+" ", to-from-1))
		keys.WriteString(cut(s.Begin.String()[:2]+"…", to-from))
		drawn = to
	}
	if drawn == 0 {
		return ""
	}
	return bar.String() + "┤\n" + keys.String()
}

func byKey(shards []client.Shard) []client.Shard {
	var open []client.Shard
	for _, s := range shards {
		if !s.ReadOnly {
			open = append(open, s)
		}
	}
	slices.SortFunc(open, func(s, t client.Shard) int { return bytes.Compare(s.Begin[:], t.Begin[:]) })
	return open
}

// column is where a key lies on a line of this width.
func column(k sluice.HashKey, width int) int {
	n := new(big.Int).SetBytes(k[:])
	n.Mul(n, big.NewInt(int64(width-1)))
	return int(n.Rsh(n, 128).Int64())
}

func centre(label string, width int) string {
	if len(label) > width {
		return strings.Repeat("─", max(width, 0))
	}
	left := (width - len(label)) / 2
	return strings.Repeat("─", left) + label + strings.Repeat("─", width-left-len(label))
}

// cut pads or cuts s to width characters.
func cut(s string, width int) string {
	runes := []rune(s)
	if len(runes) >= width {
		return strings.Repeat(" ", max(width, 0))
	}
	return s + strings.Repeat(" ", width-len(runes))
}
