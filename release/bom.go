package main

import (
	"io"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// writeBOM writes the bill of materials of an archive: a CycloneDX document, which scanners for vulnerabilities and licences read. It follows
// from its arguments alone; sum is the SHA-256 of the archive, in hexadecimal.
func writeBOM(w io.Writer, src *source, archive, sum string, parts []part) error {
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, []byte("sha256:"+sum)).URN()
	about := cyclonedx.Component{
		BOMRef: "sluice", Type: cyclonedx.ComponentTypeApplication, Name: archive, Version: src.version,
		PackageURL: "pkg:github/sluicelog/sluice@v" + src.version,
		Licenses:   &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		Hashes:     &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum}},
		Properties: &[]cyclonedx.Property{{Name: "sluice:commit", Value: src.commit}},
	}
	bom.Metadata = &cyclonedx.Metadata{Timestamp: src.time.Format(time.RFC3339), Component: &about}
	var components []cyclonedx.Component
	var refs []string
	for _, p := range parts {
		components = append(components, component(p))
		refs = append(refs, p.url)
	}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: about.BOMRef, Dependencies: &refs}}
	return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}

// component is a part with what is inside it.
func component(p part) cyclonedx.Component {
	c := cyclonedx.Component{BOMRef: p.url, Type: cyclonedx.ComponentTypeLibrary, Name: p.name, Version: p.version, PackageURL: p.url, Licenses: licenses(p)}
	if len(p.inside) > 0 {
		var inside []cyclonedx.Component
		for _, p := range p.inside {
			inside = append(inside, component(p))
		}
		c.Components = &inside
	}
	return c
}

// licenses are the terms of a part by the identifiers of SPDX, all of them where there is a choice; nil where they are nobody's standard.
func licenses(p part) *cyclonedx.Licenses {
	var list cyclonedx.Licenses
	for _, id := range p.ids() {
		list = append(list, cyclonedx.LicenseChoice{License: &cyclonedx.License{ID: id}})
	}
	if len(list) == 0 {
		return nil
	}
	return &list
}
