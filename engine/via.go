package engine

// Via is how a person's word came, where it came from elsewhere than the
// owner's socket: which channel, who they are there, what they were shown. It
// is evidence for whoever looks later; nothing is decided by it.
type Via map[string]string

// Channelled is an input of a person that may tell how it came.
type Channelled interface {
	Person
	// Came is nil where it is not told.
	Came() Via
}

// via is how an input came, as far as it tells.
func via(in Person) Via {
	if c, ok := in.(Channelled); ok {
		return c.Came()
	}
	return nil
}
