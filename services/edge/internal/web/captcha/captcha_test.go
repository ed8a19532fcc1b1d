package captcha_test

import (
	"bytes"
	"image/png"
	"math"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/web/captcha"
)

func TestPuzzle(t *testing.T) {
	t.Parallel()
	places := map[[2]int]bool{}
	for i := range 200 {
		seed := [captcha.SeedSize]byte{byte(i), 1}
		p := captcha.New(seed)
		x, y := p.Centre()
		places[[2]int{x, y}] = true
		if !p.Hit(x, y) || p.Hit(x+40, y) || p.Hit(x, y-40) || p.Hit(0, 0) || p.Hit(-1, -1) || p.Hit(math.MaxInt, math.MinInt) {
			t.Errorf("seed %d: the circle is at %d, %d", i, x, y)
		}
		if x < 15 || y < 15 || x > captcha.Width-15 || y > captcha.Height-15 {
			t.Errorf("seed %d: the circle leaves the picture: %d, %d", i, x, y)
		}
		if ax, ay := captcha.New(seed).Centre(); ax != x || ay != y {
			t.Errorf("seed %d gives %d, %d and then %d, %d", i, x, y, ax, ay)
		}
		hits := 0
		for cx := range captcha.Width {
			for cy := range captcha.Height {
				if p.Hit(cx, cy) {
					hits++
				}
			}
		}
		if share := float64(hits) / (captcha.Width * captcha.Height); share > .06 {
			t.Errorf("seed %d: %.0f of 100 blind clicks hit", i, share*100)
		}
	}
	if len(places) < 190 {
		t.Errorf("200 circles are at %d places", len(places))
	}
}

func TestPuzzle_PNG(t *testing.T) {
	t.Parallel()
	seed := [captcha.SeedSize]byte{7}
	b, err := captcha.New(seed).PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil || img.Bounds().Dx() != captcha.Width || img.Bounds().Dy() != captcha.Height {
		t.Fatalf("%v, %v", img.Bounds(), err)
	}
	again, err := captcha.New(seed).PNG()
	if err != nil || !bytes.Equal(b, again) {
		t.Error("one seed gives two pictures")
	}
	if len(b) > 100<<10 {
		t.Errorf("%d bytes", len(b))
	}
}
