// Package placestest makes small databases of places for tests.
package placestest

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/sluicelog/sluice/internal/query/places"
)

// Networks of documentation, with places that are not theirs.
var cities = map[string]mmdbtype.Map{
	"203.0.113.0/24": {
		"country":      mmdbtype.Map{"iso_code": mmdbtype.String("CN"), "names": names("中国", "China")},
		"subdivisions": mmdbtype.Slice{mmdbtype.Map{"names": names("浙江", "Zhejiang")}},
		"city":         mmdbtype.Map{"names": names("杭州", "Hangzhou")},
		"location":     mmdbtype.Map{"latitude": mmdbtype.Float64(30.294), "longitude": mmdbtype.Float64(120.1619)},
	},
	"2001:db8::/32": {
		"country": mmdbtype.Map{"iso_code": mmdbtype.String("DE"), "names": mmdbtype.Map{"en": mmdbtype.String("Germany")}},
		"city":    mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String("Berlin")}},
	},
}

var providers = map[string]mmdbtype.Map{
	"203.0.113.0/24": {"autonomous_system_organization": mmdbtype.String("Example Telecom")},
	"198.51.100.0/24": {
		"isp": mmdbtype.String("Example ISP"), "autonomous_system_organization": mmdbtype.String("Example Holding"),
	},
}

func names(chinese, english string) mmdbtype.Map {
	return mmdbtype.Map{"zh-CN": mmdbtype.String(chinese), "en": mmdbtype.String(english)}
}

// Files writes both databases and returns their paths.
func Files(t testing.TB) (city, provider string) {
	t.Helper()
	dir := t.TempDir()
	city, provider = filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "provider.mmdb")
	write(t, city, "City", cities)
	write(t, provider, "ISP", providers)
	return city, provider
}

// Open opens both databases, until the test ends.
func Open(t testing.TB) *places.Databases {
	t.Helper()
	d, err := places.Open(Files(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func write(t testing.TB, path, kind string, networks map[string]mmdbtype.Map) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for cidr, data := range networks {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, data); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
