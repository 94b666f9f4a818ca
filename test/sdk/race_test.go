//go:build race

package sdk

const raceDetector = true
