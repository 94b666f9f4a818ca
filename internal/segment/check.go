package segment

import (
	"context"
	"errors"
	"sync"
)

// ErrUnchecked says that a segment has no checksum of its footer: its Parquet object is only read through this package.
var ErrUnchecked = errors.New("segment was written without a checksum of its Parquet footer")

// checked is what is known to be sound of a Parquet object. It is for one version of the object's bytes.
type checked struct {
	mu      sync.Mutex // held while checking: those who want the same wait
	version string
	footer  bool
	columns map[string]bool
}

// Check compares the bytes of the Parquet object with their checksums, those that a reader of some columns looks at, before the object
// is given to one that knows nothing of our checksums. What was found sound is not looked at again while version, which stands for the
// object's bytes, is the same. Damage is a [DamageError]; without a checksum of the footer it fails with ErrUnchecked.
func (s *Segment) Check(ctx context.Context, version string, columns []string) error {
	if s.info.Footer <= 0 {
		return ErrUnchecked
	}
	c := s.checked
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version || c.columns == nil {
		c.version, c.footer, c.columns = version, false, map[string]bool{}
	}
	if !c.footer {
		if err := s.checkFooter(ctx); err != nil {
			return err
		}
		c.footer = true
	}
	for _, name := range columns {
		if c.columns[name] {
			continue
		}
		for i := range s.Groups() {
			if err := s.Group(i).checkColumn(ctx, name); err != nil {
				return err
			}
		}
		c.columns[name] = true
	}
	return nil
}

// checkFooter looks at both ends of the file: all that engines read of it but pages.
func (s *Segment) checkFooter(ctx context.Context) error {
	end := s.dir.groupsEnd()
	footer := section{offset: end, length: s.info.Footer, crc: s.info.FooterCRC}
	if end+s.info.Footer != s.info.Parquet {
		return s.damage(s.info.ParquetObject(), 0, footer, errMalformed)
	}
	if _, err := s.read(ctx, s.info.ParquetObject(), 0, footer); err != nil {
		return err
	}
	_, err := s.read(ctx, s.info.ParquetObject(), 0, section{length: int64(len(parquetMagic)), crc: crc32c([]byte(parquetMagic))})
	return err
}

// checkColumn looks at the pages of a column, which lie behind each other. A column that the group does not have is in the footer.
func (g *Group) checkColumn(ctx context.Context, name string) error {
	d, err := g.directory(ctx)
	if err != nil {
		return err
	}
	c := g.find(d, name)
	if c == nil {
		return nil
	}
	pages := make([]section, 0, len(c.pages)+1)
	if c.encoding == encodingDictionary {
		pages = append(pages, c.dict.section)
	}
	for i := range c.pages {
		pages = append(pages, c.pages[i].section)
	}
	for _, page := range pages {
		if _, err := g.segment.read(ctx, g.segment.info.ParquetObject(), g.summary.parquet.offset, page); err != nil {
			return err
		}
	}
	return nil
}
