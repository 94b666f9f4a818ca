// Package places says where IP addresses are, out of databases in MaxMind's MMDB format. None is shipped: the operator has them.
//
//	city file     (GeoLite2-City, GeoIP2-City, DB-IP City ...)  ──┐
//	                                                              ├── Find(part, language, address) ──> text
//	provider file (GeoLite2-ASN, GeoIP2-ISP ...)                ──┘
//
// The files are mapped into memory, not read: they are not to be written over while they are open, but replaced and the server
// started again.
package places

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Part is what can be asked of an address.
type Part string

// The parts. All but Provider are in the city file.
const (
	Country     Part = "country"
	CountryCode Part = "country_code" // of ISO 3166-1, as in CN
	Province    Part = "province"
	City        Part = "city"
	Point       Part = "point" // latitude,longitude
	Provider    Part = "provider"
)

// Languages of names, as the files spell them. A name that a file does not have in the first is given in the second.
const (
	Chinese = "zh-CN"
	English = "en"
)

// Databases are open files. They are safe for concurrent use until Close.
type Databases struct {
	city, provider *maxminddb.Reader // nil: none is configured
}

// Open opens the files; "" stands for one that there is not.
func Open(city, provider string) (*Databases, error) {
	d := &Databases{}
	var err error
	if city != "" {
		if d.city, err = maxminddb.Open(city); err != nil {
			return nil, fmt.Errorf("open the database of places %s: %w", city, err)
		}
	}
	if provider != "" {
		if d.provider, err = maxminddb.Open(provider); err != nil {
			return nil, errors.Join(fmt.Errorf("open the database of providers %s: %w", provider, err), d.Close())
		}
	}
	return d, nil
}

// Close closes the files.
func (d *Databases) Close() error {
	var errs []error
	for _, r := range []*maxminddb.Reader{d.city, d.provider} {
		if r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
}

// Has reports whether a part can be asked for. No database has none; neither does a nil one.
func (d *Databases) Has(p Part) bool { return d.of(p) != nil }

func (d *Databases) of(p Part) *maxminddb.Reader {
	switch {
	case d == nil:
		return nil
	case p == Provider:
		return d.provider
	}
	return d.city
}

// Find returns a part of what is known of an address, false if it is not known. An error is of the file.
func (d *Databases) Find(p Part, language string, ip netip.Addr) (string, bool, error) {
	r := d.of(p)
	if r == nil {
		return "", false, fmt.Errorf("there is no database for %s", p)
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() && r.Metadata.IPVersion == 4 {
		return "", false, nil
	}
	found := r.Lookup(ip)
	if !found.Found() {
		return "", false, found.Err()
	}
	switch p {
	case Point:
		return point(found)
	case Country:
		return name(found, language, "country")
	case Province:
		return name(found, language, "subdivisions", 0)
	case City:
		return name(found, language, "city")
	case CountryCode:
		return text(found, "country", "iso_code")
	}
	if provider, ok, err := text(found, "isp"); ok || err != nil {
		return provider, ok, err
	}
	return text(found, "autonomous_system_organization")
}

func name(r maxminddb.Result, language string, path ...any) (string, bool, error) {
	s, ok, err := text(r, append(path, "names", language)...)
	if !ok && err == nil && language != English {
		return text(r, append(path, "names", English)...)
	}
	return s, ok, err
}

func text(r maxminddb.Result, path ...any) (string, bool, error) {
	var s string
	if err := r.DecodePath(&s, path...); err != nil {
		return "", false, err
	}
	return s, s != "", nil
}

func point(r maxminddb.Result) (string, bool, error) {
	var at struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	}
	if err := r.DecodePath(&at, "location"); err != nil || at.Latitude == nil || at.Longitude == nil {
		return "", false, err
	}
	return strconv.FormatFloat(*at.Latitude, 'f', -1, 64) + "," + strconv.FormatFloat(*at.Longitude, 'f', -1, 64), true, nil
}
