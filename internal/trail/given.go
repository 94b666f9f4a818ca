package trail

import (
	"fmt"
	"os"
)

// Given is what whoever verifies a record knows of it beforehand.
type Given struct {
	Anchors []Anchor
	Pins    []Fingerprint // keys that are trusted; none: the first one that the record names is
}

// Known reads what both command lines take: a file of evidence, a file of public keys in PEM, and fingerprints. An empty name is no file. The keys of the
// evidence are trusted if no others are given.
func Known(evidenceFile, keyFile string, fingerprints []string) (g Given, err error) {
	for _, text := range fingerprints {
		f, err := ParseFingerprint(text)
		if err != nil {
			return g, err
		}
		g.Pins = append(g.Pins, f)
	}
	if keyFile != "" {
		text, err := os.ReadFile(keyFile)
		if err != nil {
			return g, err
		}
		keys, err := ParseKeys(text)
		if err != nil {
			return g, fmt.Errorf("%s: %w", keyFile, err)
		}
		g.Pins = append(g.Pins, keys.Fingerprints()...)
	}
	if evidenceFile == "" {
		return g, nil
	}
	text, err := os.ReadFile(evidenceFile)
	if err != nil {
		return g, err
	}
	kept, keys, err := ParseEvidence(text)
	if err != nil {
		return g, fmt.Errorf("%s: %w", evidenceFile, err)
	}
	g.Anchors = append(g.Anchors, kept.Anchor)
	for _, k := range keys {
		if k.Handover != nil {
			g.Anchors = append(g.Anchors, *k.Handover)
		}
	}
	if g.Pins == nil {
		g.Pins = keys.Fingerprints()
	}
	return g, nil
}
