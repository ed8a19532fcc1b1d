// Package build says which build a program is.
package build

import "runtime/debug"

// stamped is what the linker was told (-X), for builds without the repository around
// the sources, as an image's.
var stamped string

// Version is that of the build: the one it was given, the module's, or the commit it
// was made from.
func Version() string {
	if stamped != "" {
		return stamped
	}
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	if v := bi.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range bi.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "dev-" + s.Value[:12]
		}
	}
	return "dev"
}
