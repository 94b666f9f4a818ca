package indexer

import "context"

// Turn is one turn of Run.
func (x *Indexer) Turn(ctx context.Context) (more bool, err error) { return x.turn(ctx) }
