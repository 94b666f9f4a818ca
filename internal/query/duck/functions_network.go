package duck

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/query/places"
)

// Texts that are no addresses give NULL: logs hold such.
var networkFunctions = []*added{
	{"sluice_ip_domain", "text", "text", fn1(func(s string) (*string, error) {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, nil
		}
		domain := "internet"
		if ip = ip.Unmap(); ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			domain = "intranet"
		}
		return &domain, nil
	})},
	{"sluice_ip_prefix", "text bigint", "text", fn2(func(s string, length int64) (*string, error) {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, nil
		}
		p, err := ip.Prefix(int(max(min(length, 1000), -1)))
		if err != nil {
			return nil, fmt.Errorf("a prefix of %s has 0 to %d bits, not %d", s, ip.BitLen(), length)
		}
		return text(p.String()), nil
	})},
	{"sluice_subnet_holds", "text text", "bool", fn2(func(subnet, inner string) (bool, error) {
		outer, err := netip.ParsePrefix(subnet)
		if err != nil {
			return false, fmt.Errorf("%s is not a subnet, as in 192.0.2.0/24", subnet)
		}
		in, ok := prefix(inner)
		return ok && outer.Bits() <= in.Bits() && outer.Contains(in.Addr()), nil
	})},
	{"sluice_subnet_first", "text", "text", fn1(func(s string) (*string, error) {
		p, ok := prefix(s)
		if !ok {
			return nil, nil
		}
		return text(p.Masked().Addr().String()), nil
	})},
	{"sluice_subnet_last", "text", "text", fn1(func(s string) (*string, error) {
		p, ok := prefix(s)
		if !ok {
			return nil, nil
		}
		return text(lastAddress(p).String()), nil
	})},
	{"sluice_geohash", "text bigint", "text", fn2(geohash)},
	{"sluice_geohash_decode", "text", "text", fn1(geohashDecode)},
}

// placeOf looks up a part of what is known of an address.
func placeOf(d *places.Databases) func(address, part, language string) (*string, error) {
	return func(address, part, language string) (*string, error) {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return nil, nil
		}
		s, ok, err := d.Find(places.Part(part), language, ip)
		if !ok {
			return nil, err
		}
		return &s, nil
	}
}

func text(s string) *string { return &s }

// prefix reads a subnet, or an address as a subnet of its own.
func prefix(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, true
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip, ip.BitLen()), true
}

func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

const geohashLetters = "0123456789bcdefghjkmnpqrstuvwxyz"

// geohash encodes "latitude,longitude" in so many letters.
func geohash(point string, length int64) (*string, error) {
	latText, lonText, ok := strings.Cut(point, ",")
	lat, err1 := strconv.ParseFloat(strings.TrimSpace(latText), 64)
	lon, err2 := strconv.ParseFloat(strings.TrimSpace(lonText), 64)
	if !ok || err1 != nil || err2 != nil || lat < -90 || lat > 90 || lon < -180 || lon > 180 {
		return nil, nil
	}
	if length < 1 || length > 12 {
		return nil, fmt.Errorf("a geohash has 1 to 12 letters, not %d", length)
	}
	area := wholeEarth()
	hash := make([]byte, length)
	for i := range hash {
		n := 0
		for bit := range 5 {
			n = n<<1 | area.halve(i*5+bit, lat, lon)
		}
		hash[i] = geohashLetters[n]
	}
	return text(string(hash)), nil
}

// area is bounded in latitude ([1]) and longitude ([0]), which are halved in turns.
type area [2][2]float64

func wholeEarth() area { return area{{-180, 180}, {-90, 90}} }

func (a *area) halve(bit int, lat, lon float64) int {
	value := [2]float64{lon, lat}[bit%2]
	side := &a[bit%2]
	mid := (side[0] + side[1]) / 2
	if value >= mid {
		side[0] = mid
		return 1
	}
	side[1] = mid
	return 0
}

// geohashDecode gives the middle of the area.
func geohashDecode(hash string) (*string, error) {
	a := wholeEarth()
	if hash == "" || len(hash) > 12 {
		return nil, nil
	}
	for i, letter := range []byte(strings.ToLower(hash)) {
		n := strings.IndexByte(geohashLetters, letter)
		if n < 0 {
			return nil, nil
		}
		for bit := range 5 {
			side := &a[(i*5+bit)%2]
			mid := (side[0] + side[1]) / 2
			side[1-n>>(4-bit)&1] = mid
		}
	}
	lat, lon := (a[1][0]+a[1][1])/2, (a[0][0]+a[0][1])/2
	return text(strconv.FormatFloat(lat, 'f', -1, 64) + "," + strconv.FormatFloat(lon, 'f', -1, 64)), nil
}
