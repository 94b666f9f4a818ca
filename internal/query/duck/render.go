package duck

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/sluicelog/sluice/internal/query/statement"
)

// zone renders values as the dialect writes them (reference sls-query 3.2).
type zone struct{ location *time.Location }

func loadZone(name string) (*zone, error) {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	return &zone{loc}, nil
}

const clock = "15:04:05.000"

// render writes a value of the driver. NULL is the text null, which clients look for.
func (z *zone) render(v any, t statement.Type) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case float64:
		return doubleText(v)
	case *big.Int:
		return v.String()
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case duckdb.Interval:
		return intervalText(v)
	case time.Time:
		switch t.Kind {
		case statement.Date:
			return v.Format(time.DateOnly)
		case statement.Time:
			return v.Format(clock)
		case statement.TimestampTZ:
			return v.In(z.location).Format(time.DateOnly+" "+clock) + " " + z.location.String()
		}
		return v.Format(time.DateOnly + " " + clock)
	}
	return fmt.Sprint(v)
}

// doubleText writes a double as Java does: 3337.0, 1.6351416E9, NaN, Infinity.
func doubleText(f float64) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exponent)
	if err != nil {
		panic(err) // FormatFloat wrote it
	}
	return mantissa + "E" + strconv.Itoa(n)
}

// intervalText writes years and months as 1-2, days and times as 3 04:05:06.789.
func intervalText(v duckdb.Interval) string {
	if v.Months != 0 {
		sign, months := "", v.Months
		if months < 0 {
			sign, months = "-", -months
		}
		return fmt.Sprintf("%s%d-%d", sign, months/12, months%12)
	}
	sign, ms := "", int64(v.Days)*86_400_000+v.Micros/1000
	if ms < 0 {
		sign, ms = "-", -ms
	}
	return fmt.Sprintf("%s%d %02d:%02d:%02d.%03d", sign, ms/86_400_000, ms/3_600_000%24, ms/60_000%60, ms/1000%60, ms%1000)
}
