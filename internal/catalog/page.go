package catalog

import (
	"github.com/sluicelog/sluice"
)

// maxPage is the most that one list call returns (reference sls-api 7).
const maxPage = 500

// cutPage returns the part of all from offset on, at most size long; a size of 0 means maxPage.
func cutPage[T any](all []T, offset, size int) ([]T, error) {
	if offset < 0 {
		return nil, invalid("parameter", "Parameter offset %d is not valid", offset)
	}
	if size < 0 || size > maxPage {
		return nil, invalid("parameter", "Parameter size %d is not within [0, %d]", size, maxPage)
	}
	if size == 0 {
		size = maxPage
	}
	offset = min(offset, len(all))
	return all[offset:min(offset+size, len(all))], nil
}

func invalid(noun, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, noun, format, args...)
}

func overQuota(format string, args ...any) error {
	return sluice.Errorf(sluice.Throttled, "quota", format, args...)
}
