package identity

// syncDir does nothing: NTFS journals names by itself.
func syncDir(string) error { return nil }
