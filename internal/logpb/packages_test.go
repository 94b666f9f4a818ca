package logpb

import (
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"github.com/sluicelog/sluice"
)

func TestDecodePackages(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       []Package
	}{
		{"none", "", nil},
		{"LZ4 by default", "0a05 0a0161 1007", []Package{{[]byte("a"), 7, LZ4}}},
		{"none, without size", "0a05 0a0161 1800", []Package{{[]byte("a"), 1, None}}},
		{"deflate", "0a07 0a0161 1007 1801", []Package{{[]byte("a"), 7, Deflate}}},
		{"LZ4", "0a07 0a0161 1007 1802", []Package{{[]byte("a"), 7, LZ4}}},
		{"zstd", "0a07 0a0161 1007 1803", []Package{{[]byte("a"), 7, Zstd}}},
		{"empty data", "0a04 0a00 1000", []Package{{[]byte{}, 0, LZ4}}},
		{
			"several, with unknown fields", "1001 0a08 0a0161 1007 220178 0a05 0a0162 1008",
			[]Package{{[]byte("a"), 7, LZ4}, {[]byte("b"), 8, LZ4}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := DecodePackages(unhex(test.body), 2)
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(got, test.want); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestDecodePackagesRefuses(t *testing.T) {
	for _, test := range []struct {
		name, body string
		kind       sluice.Kind
		noun       string
	}{
		{"package as a varint", "0801", sluice.Invalid, "body"},
		{"cut short", "0a050a01", sluice.Invalid, "body"},
		{"data as a varint", "0a04 0801 1007", sluice.Invalid, "body"},
		{"data past the end", "0a05 0a0261 1007", sluice.Invalid, "body"},
		{"no data", "0a02 1007", sluice.Invalid, "body"},
		{"no size", "0a03 0a0161", sluice.Invalid, "body"},
		{"size as bytes", "0a06 0a0161 120137", sluice.Invalid, "body"},
		{"size over int32", "0a09 0a0161 108080808008", sluice.Invalid, "body"},
		{"negative size", "0a0e 0a0161 10ffffffffffffffffff01", sluice.Invalid, "body"},
		{"codec as bytes", "0a08 0a0161 1007 1a0132", sluice.Invalid, "body"},
		{"codec unknown", "0a07 0a0161 1007 1804", sluice.Invalid, "compresstype"},
		{"too many", "0a050a01611007 0a050a01611007 0a050a01611007", sluice.TooLarge, "body-size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := DecodePackages(unhex(test.body), 2)
			wantError(t, err, test.kind, test.noun)
		})
	}
}

// The official SDK's package list, whose packages are LZ4 and say nothing of it.
func TestDecodePackagesOfSDK(t *testing.T) {
	raw := unhex(vectorRaw)
	size := int32(len(raw))
	list := &sls.SlsLogPackageList{Packages: []*sls.SlsLogPackage{{Data: unhex(vectorLZ4), UncompressSize: &size}}}
	body, err := list.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	packages, err := DecodePackages(body, 0)
	if err != nil || len(packages) != 1 {
		t.Fatalf("DecodePackages = %v, %v", packages, err)
	}
	got, err := Decompress(nil, packages[0].Codec, packages[0].Data, packages[0].RawSize)
	if err != nil || string(got) != string(raw) {
		t.Errorf("Decompress = %x, %v; want %x", got, err, raw)
	}
}

func TestDecodeListRefuses(t *testing.T) {
	for name, raw := range map[string]string{"group as a varint": "0801", "cut short": "0a020a", "a broken group": "0a020a00"} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeList(unhex(raw))
			wantError(t, err, sluice.Invalid, "body")
		})
	}
}
