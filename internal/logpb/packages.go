package logpb

import (
	"math"

	"github.com/sluicelog/sluice"
)

// Package is one group of an SlsLogPackageList, the body of a write with x-log-mode: batch_group.
type Package struct {
	Data    []byte // part of the body it was read from
	RawSize int    // of the group before compression, as the client claims
	Codec   Codec
}

// DecodePackages reads an SlsLogPackageList of up to most packages (0: any number). Errors are those of [Check], and
// Invalid "compresstype" for a compression that does not exist.
func DecodePackages(body []byte, most int) ([]Package, error) {
	var list []Package
	for i := 0; i < len(body); {
		f, next, err := consume(body, i, packageListMessage)
		if err != nil {
			return nil, err
		}
		i = next
		if f.num != listPackages {
			continue
		}
		if len(list) == orNone(most) {
			return nil, tooLarge("the number of packages", len(list)+1, most)
		}
		p, err := decodePackage(f.data)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// packageCodecs are the values of compress_type.
var packageCodecs = [...]Codec{None, Deflate, LZ4, Zstd}

func decodePackage(b []byte) (Package, error) {
	p := Package{Codec: LZ4, RawSize: -1}
	for i := 0; i < len(b); {
		f, next, err := consume(b, i, packageMessage)
		if err != nil {
			return p, err
		}
		i = next
		switch f.num {
		case packageData:
			p.Data = f.data
		case packageSize:
			if f.number > math.MaxInt32 {
				return p, errPackage
			}
			p.RawSize = int(f.number)
		case packageCodec:
			if f.number >= uint64(len(packageCodecs)) {
				return p, unknownCodec("compress_type %d", f.number)
			}
			p.Codec = packageCodecs[f.number]
		}
	}
	if p.Codec == None && p.RawSize < 0 {
		p.RawSize = len(p.Data)
	}
	if p.Data == nil || p.RawSize < 0 {
		return p, errPackage
	}
	return p, nil
}

var errPackage = malformed("a package lacks its data or size")

func unknownCodec(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "compresstype", format+" is not supported", args...)
}
