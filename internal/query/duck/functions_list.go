package duck

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strings"
)

// Functions over lists take the place of aggregates, which the driver cannot add: the engine gathers the values of a group.
var listFunctions = []*added{
	{"sluice_percentile", "double[] double[] double", "double", fn3(weightedPercentile)},
	{"sluice_histogram", "bigint double[] double[]", "text", fn3(numericHistogram)},
	{"sluice_hll", "bigint[]", "blob", fn1(sketch)},
	{"sluice_hll_merge", "blob[]", "blob", fn1(mergeSketches)},
	{"sluice_hll_count", "blob", "bigint", fn1(countSketch)},
	{"sluice_funnel_events", "bigint bigint[] text[] text[]", "bigint", fn4(funnelEvents)},
	{"sluice_funnel_steps", "bigint bigint[] bool[][]", "bigint", fn3(funnelSteps)},
}

type weighted struct{ value, weight float64 }

func weightedValues(list, weights []any) ([]weighted, error) {
	v, vok, err := values[float64](list)
	if err != nil {
		return nil, err
	}
	w, wok, err := values[float64](weights)
	if err != nil {
		return nil, err
	}
	var all []weighted
	for i := range min(len(v), len(w)) {
		if vok[i] && wok[i] && w[i] > 0 {
			all = append(all, weighted{v[i], w[i]})
		}
	}
	slices.SortFunc(all, func(a, b weighted) int {
		return int(math.Copysign(1, a.value-b.value)) * boolInt(a.value != b.value)
	})
	return all, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// weightedPercentile is the least value up to which a share p of the weight lies; NULL if there is no weight.
func weightedPercentile(list, weights []any, p float64) (any, error) {
	if p < 0 || p > 1 {
		return nil, fmt.Errorf("a percentile lies between 0 and 1, not at %v", p)
	}
	all, err := weightedValues(list, weights)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	total, sum := 0.0, 0.0
	for _, v := range all {
		total += v.weight
	}
	for _, v := range all {
		if sum += v.weight; sum >= p*total {
			return v.value, nil
		}
	}
	return all[len(all)-1].value, nil
}

const maxBuckets = 1000

// numericHistogram joins neighbouring values, the closest first, until no more than buckets are left (Ben-Haim and Tom-Tov),
// and writes centres and weights as a JSON object.
func numericHistogram(buckets int64, list, weights []any) (string, error) {
	if buckets < 2 || buckets > maxBuckets {
		return "", fmt.Errorf("numeric_histogram buckets must be 2 to %d, not %d", maxBuckets, buckets)
	}
	for len(weights) < len(list) {
		weights = append(weights, 1.0)
	}
	all, err := weightedValues(list, weights)
	if err != nil {
		return "", err
	}
	var bins []weighted
	for _, v := range all {
		if n := len(bins); n > 0 && bins[n-1].value == v.value {
			bins[n-1].weight += v.weight
			continue
		}
		if bins = append(bins, v); len(bins) > int(buckets) {
			bins = joinClosest(bins)
		}
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, bin := range bins {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%v":%v`, bin.value, bin.weight)
	}
	b.WriteByte('}')
	return b.String(), nil
}

func joinClosest(bins []weighted) []weighted {
	best := 0
	for i := range len(bins) - 1 {
		if bins[i+1].value-bins[i].value < bins[best+1].value-bins[best].value {
			best = i
		}
	}
	l, r := bins[best], bins[best+1]
	w := l.weight + r.weight
	bins[best] = weighted{(l.value*l.weight + r.value*r.weight) / w, w}
	return slices.Delete(bins, best+1, best+2)
}

// A sketch counts distinct values (HyperLogLog): one register for each of 2048 shares of the hash space, which holds the
// highest rank seen there. The engine sends share and rank of each hash as share*64 + rank.
const registers = 2048

func sketch(codes []any) ([]byte, error) {
	s := make([]byte, registers)
	for _, c := range codes {
		if code, ok := c.(int64); ok {
			share, rank := code>>6&(registers-1), byte(code&63)
			s[share] = max(s[share], rank)
		}
	}
	return s, nil
}

func mergeSketches(list []any) ([]byte, error) {
	merged := make([]byte, registers)
	sketches, ok, err := values[[]byte](list)
	if err != nil {
		return nil, err
	}
	for i, s := range sketches {
		if !ok[i] {
			continue
		}
		if len(s) != registers {
			return nil, errNoSketch
		}
		for j, rank := range s {
			merged[j] = max(merged[j], rank)
		}
	}
	return merged, nil
}

var errNoSketch = fmt.Errorf("the value is not a HyperLogLog")

func countSketch(s []byte) (int64, error) {
	if len(s) != registers {
		return 0, errNoSketch
	}
	sum, empty := 0.0, 0
	for _, rank := range s {
		sum += math.Ldexp(1, -int(rank))
		empty += boolInt(rank == 0)
	}
	const m = float64(registers)
	estimate := 0.7213 / (1 + 1.079/m) * m * m / sum
	if estimate <= 2.5*m && empty > 0 {
		estimate = m * math.Log(m/float64(empty))
	}
	return int64(math.Round(estimate)), nil
}

// A funnel is how far the events of one who came got along a chain of steps, in order, within a window that opens with the
// first step. An event of the chain that is not the next one ends the run.
const maxSteps = 32

// funnelRow is an event: a bit for each step that it is.
type funnelRow struct {
	time  int64
	steps uint32
}

func funnelEvents(window int64, times, events, chain []any) (int64, error) {
	names, _, err := values[string](chain)
	if err != nil {
		return 0, err
	}
	return funnel(window, times, events, len(names), func(event any) uint32 {
		var mask uint32
		for i, name := range names {
			if event == any(name) {
				mask |= 1 << i
			}
		}
		return mask
	})
}

func funnelSteps(window int64, times, conditions []any) (int64, error) {
	steps := 0
	for _, c := range conditions {
		if row, ok := c.([]any); ok {
			steps = max(steps, len(row))
		}
	}
	return funnel(window, times, conditions, steps, func(event any) uint32 {
		var mask uint32
		row, _ := event.([]any)
		for i, met := range row {
			if met == true {
				mask |= 1 << i
			}
		}
		return mask
	})
}

func funnel(window int64, times, events []any, steps int, mask func(any) uint32) (int64, error) {
	if steps < 1 || steps > maxSteps {
		return 0, fmt.Errorf("window_funnel takes 1 to %d steps, not %d", maxSteps, steps)
	}
	at, ok, err := values[int64](times)
	if err != nil {
		return 0, err
	}
	var rows []funnelRow
	for i := range min(len(at), len(events)) {
		if m := mask(events[i]); ok[i] && m != 0 {
			rows = append(rows, funnelRow{at[i], m})
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].time < rows[j].time })
	best := 0
	for i := 0; i < len(rows) && best < steps; i++ {
		if rows[i].steps&1 != 0 {
			best = max(best, run(rows[i:], window, steps))
		}
	}
	return int64(best), nil
}

// run counts the steps from the first row on.
func run(rows []funnelRow, window int64, steps int) int {
	done := 1
	for _, r := range rows[1:] {
		if done == steps || r.time-rows[0].time > window || r.steps&(1<<done) == 0 {
			break
		}
		done++
	}
	return min(done, steps, bits.UintSize)
}
