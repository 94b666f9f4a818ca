package places_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/query/places"
	"github.com/sluicelog/sluice/internal/query/places/placestest"
)

func TestFind(t *testing.T) {
	d := placestest.Open(t)
	for _, tt := range []struct {
		part     places.Part
		language string
		ip, want string
	}{
		{places.Country, places.Chinese, "203.0.113.7", "中国"},
		{places.Country, places.English, "203.0.113.7", "China"},
		{places.Country, places.Chinese, "::ffff:203.0.113.7", "中国"},
		{places.Country, places.Chinese, "2001:db8::1", "Germany"}, // has no Chinese name
		{places.Country, places.Chinese, "2001:db8::1%eth0", "Germany"},
		{places.CountryCode, "", "2001:db8::1", "DE"},
		{places.Province, places.English, "203.0.113.7", "Zhejiang"},
		{places.Province, places.English, "2001:db8::1", ""},
		{places.City, places.Chinese, "203.0.113.255", "杭州"},
		{places.City, places.Chinese, "192.0.2.1", ""},
		{places.Point, "", "203.0.113.7", "30.294,120.1619"},
		{places.Point, "", "2001:db8::1", ""},
		{places.Provider, "", "203.0.113.7", "Example Telecom"},
		{places.Provider, "", "198.51.100.7", "Example ISP"},
		{places.Provider, "", "2001:db8::1", ""},
	} {
		got, ok, err := d.Find(tt.part, tt.language, netip.MustParseAddr(tt.ip))
		if got != tt.want || ok != (tt.want != "") || err != nil {
			t.Errorf("%s of %s: got %q, %v, %v; want %q", tt.part, tt.ip, got, ok, err, tt.want)
		}
	}
}

func TestOpen(t *testing.T) {
	city, _ := placestest.Files(t)
	d, err := places.Open(city, "")
	if err != nil {
		t.Fatal(err)
	}
	if !d.Has(places.City) || d.Has(places.Provider) {
		t.Error("a city file has cities and no providers")
	}
	if _, _, err := d.Find(places.Provider, "", netip.MustParseAddr("203.0.113.7")); err == nil {
		t.Error("found a provider without a file")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	var none *places.Databases
	if none.Has(places.City) {
		t.Error("no database has places")
	}
	bad := filepath.Join(t.TempDir(), "bad.mmdb")
	if err := os.WriteFile(bad, []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{bad, bad + ".nosuch"} {
		if _, err := places.Open(city, path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
