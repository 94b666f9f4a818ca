package main

import (
	"context"
	"fmt"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// suggest adds to the error of a missing project or logstore the name that was probably meant.
func suggest(ctx context.Context, c *client.Client, ref sluice.LogstoreRef, err error) error {
	switch client.Code(err) {
	case "ProjectNotExist":
		hint := "Projects there are: sluice project list"
		projects, listErr := c.Projects(ctx)
		if listErr != nil {
			return &hinted{err, hint}
		}
		names := make([]string, len(projects))
		for i, p := range projects {
			names[i] = p.Name
		}
		return &hinted{err, didYouMean(nearest(ref.Project, names), hint)}
	case "LogStoreNotExist":
		hint := "Logstores there are: sluice logstore list " + ref.Project
		names, listErr := c.Logstores(ctx, ref.Project)
		if listErr != nil {
			return &hinted{err, hint}
		}
		if name := nearest(ref.Logstore, names); name != "" {
			return &hinted{err, didYouMean(ref.Project+"/"+name, hint)}
		}
		return &hinted{err, hint}
	}
	return err
}

func didYouMean(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return fmt.Sprintf("Did you mean %s? %s", name, otherwise)
}

// nearest returns the name that takes the fewest edits to turn into want, if those are few enough for a slip.
func nearest(want string, names []string) string {
	best, bestEdits := "", 1+len(want)/3
	for _, name := range names {
		if n := edits(want, name); n < bestEdits || (n == bestEdits && best == "") {
			best, bestEdits = name, n
		}
	}
	return best
}

// edits is the Levenshtein distance of two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
