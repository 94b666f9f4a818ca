package meta

import (
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
)

// DeliveryTask ships the logs of a logstore to a destination; see package delivery.
type DeliveryTask struct {
	Project, Name     string
	Logstore          string          // its source, in the same project
	Spec              json.RawMessage // what it does, as package delivery wrote it, byte for byte; secrets are masked in it
	Secrets           []byte          // the secrets, sealed
	State             string
	Reason            string    // why it is in this state, for people
	Revision          int64     // grows with every change
	Started           time.Time // when it first went online: its points were set then
	Created, Modified time.Time
}

// DeliveryPoint says how far a task got in one shard, what came of the logs until there, and who works on it.
type DeliveryPoint struct {
	Project, Task  string
	Stream         string // which of the task's streams of logs; see package delivery
	Shard          sluice.ShardID
	Log            sluice.LogID    // of the shard: another logstore may come under the old name
	Position       sluice.Position // everything before this log group,
	Index          int             // and in it everything before this log, is dealt with
	IntentPosition sluice.Position // where the batch ends that may have been sent already; 0: none was
	IntentIndex    int
	End            sluice.Position // where the stream ends; 0: it does not
	Finished       bool            // nothing is left to do, and there never will be
	Counters       json.RawMessage
	Error          string    // of the last try, if it failed
	Failing        time.Time // since when tries fail; zero: they do not
	Delivered      time.Time // the last success
	Owner          string    // the lease of who works on it; "" for nobody
	Epoch          int64     // of the present owner: given once over all points, so that no earlier owner has it
}

// Lease says that who took it is alive until Expires.
type Lease struct {
	Name    string
	Expires time.Time
}
