package badge_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/badge"
)

// looker opens each picture as programs do that read badges (field-facts.md, 1.3),
// and says what they would make of it.
const looker = `
import json, sys
from PIL import Image
out = {}
for name in sys.argv[1:]:
    img = Image.open(name)
    kind, size = img.format, img.size
    pixels = list(img.convert("RGB").getdata())
    out[name] = {"green": any(g > 100 and g > 1.3 * r and g > 1.3 * b for r, g, b in pixels), "format": kind, "size": size}
print(json.dumps(out))
`

// TestPicture_Pillow is TestPicture_GreenIsOnline by an outside decoder.
func TestPicture_Pillow(t *testing.T) {
	t.Parallel()
	if os.Getenv("SLUICE_TEST_FULL") == "" {
		t.Skip("Pillow reads many pictures; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	const python = "/usr/bin/python3" // Debian's, which has Debian's Pillow
	if err := exec.CommandContext(t.Context(), python, "-c", "import PIL").Run(); err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), "pillow") {
			t.Fatalf("Pillow is required: %v", err)
		}
		t.Skip("python3-pil is not installed")
	}
	b, dir := setUp(t), t.TempDir()
	args := []string{"-c", looker}
	want := map[string]bool{}
	for says := range faces() {
		for ending, f := range map[string]badge.Form{"webp": badge.WebP, "png": badge.PNG} {
			for _, query := range []string{"", "scale=2", "label=Gr%C3%BCn"} {
				name := filepath.Join(dir, strings.NewReplacer(" ", "", "/", "of").Replace(says)+query+"."+ending)
				if err := os.WriteFile(name, b.of(t, says, look(f, query)).Body, 0o600); err != nil {
					t.Fatal(err)
				}
				want[name] = strings.HasPrefix(says, "online") || strings.HasPrefix(says, "partial")
				args = append(args, name)
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), python, args...).Output() //nolint:gosec // our own arguments
	if err != nil {
		t.Fatal(err)
	}
	var seen map[string]struct {
		Green  bool
		Format string
		Size   [2]int
	}
	if err := json.Unmarshal(out, &seen); err != nil || len(seen) != len(want) {
		t.Fatalf("%v: %s", err, out)
	}
	for name, green := range want {
		s := seen[name]
		if s.Green != green || !strings.EqualFold(s.Format, strings.TrimPrefix(filepath.Ext(name), ".")) || s.Size[1]%20 != 0 {
			t.Errorf("%s: %+v", filepath.Base(name), s)
		}
	}
}
