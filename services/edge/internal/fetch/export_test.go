package fetch

// NameOf is nameOf, for the test of names.
var NameOf = nameOf
