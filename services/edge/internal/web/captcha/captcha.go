// Package captcha draws the picture that a container's page asks a click in, and
// tells whether a click is in the circle. It knows neither pages nor tokens.
package captcha

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
)

// Width and Height are those of the picture, pixels. It fits the narrowest
// phone without being scaled, so that a click's coordinates are its own.
const (
	Width  = 288
	Height = 160
)

// SeedSize is the length of a seed, bytes.
const SeedSize = 32

// slack is how far beside the circle's line a click still counts, pixels.
const slack = 4

// Puzzle is one picture: everything in it follows from its seed.
type Puzzle struct {
	circle shape
	others []shape
	lines  []shape
	back   color.RGBA
	noise  *rand.Rand
}

// shape is a figure of some corners; one without corners is a circle.
type shape struct {
	x, y, r float64
	corners int
	turn    float64
	width   float64
	ink     color.RGBA
	// Of turn, and of half a sector.
	sin, cos, side, apothem float64
}

// ready works out what every pixel needs.
func (s shape) ready() shape {
	s.sin, s.cos = math.Sincos(s.turn)
	if s.corners > 0 {
		sin, cos := math.Sincos(math.Pi / float64(s.corners))
		s.side, s.apothem = s.r*sin, s.r*cos
	}
	return s
}

// New lays a puzzle out. The same seed gives the same puzzle in every process.
func New(seed [SeedSize]byte) *Puzzle {
	rnd := rand.New(rand.NewChaCha8(seed)) //nolint:gosec // ChaCha8 with a secret seed; the seed must give the same picture again
	p := &Puzzle{back: color.RGBA{uint8(225 + rnd.IntN(25)), uint8(228 + rnd.IntN(25)), uint8(230 + rnd.IntN(25)), 255}, noise: rnd}
	var all []shape
	for tries := 0; len(all) < 7 && tries < 4000; tries++ {
		s := shape{r: 15 + rnd.Float64()*10, turn: rnd.Float64() * math.Pi, width: 2.2 + rnd.Float64()*1.6, ink: ink(rnd), corners: 3 + rnd.IntN(3)}
		s.x, s.y = s.r+6+rnd.Float64()*(Width-2*s.r-12), s.r+6+rnd.Float64()*(Height-2*s.r-12)
		if fits(s, all) {
			all = append(all, s)
		}
	}
	for i := range all {
		all[i] = all[i].ready()
	}
	p.circle, p.others = all[0], all[1:] // the first one always fits
	p.circle.corners = 0
	for range 5 {
		p.lines = append(p.lines, shape{
			x: rnd.Float64() * Width, y: rnd.Float64() * Height, r: 40 + rnd.Float64()*90, turn: rnd.Float64() * math.Pi, width: 0.8 + rnd.Float64(), ink: ink(rnd),
		}.ready())
	}
	return p
}

// ink is dark enough for the background.
func ink(rnd *rand.Rand) color.RGBA {
	return color.RGBA{uint8(rnd.IntN(150)), uint8(rnd.IntN(130)), uint8(rnd.IntN(160)), 255}
}

func fits(s shape, others []shape) bool {
	for _, o := range others {
		if math.Hypot(s.x-o.x, s.y-o.y) < s.r+o.r+2*slack {
			return false
		}
	}
	return true
}

// Hit reports whether a click is in the circle.
func (p *Puzzle) Hit(x, y int) bool {
	return math.Hypot(float64(x)-p.circle.x, float64(y)-p.circle.y) <= p.circle.r+slack
}

// Centre is where a click is right; for tests.
func (p *Puzzle) Centre() (x, y int) { return int(p.circle.x), int(p.circle.y) }

// PNG draws the picture. A puzzle is drawn once.
func (p *Puzzle) PNG() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	for y := range Height {
		for x := range Width {
			img.SetRGBA(x, y, p.at(float64(x)+.5, float64(y)+.5))
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		return nil, fmt.Errorf("drawing a captcha: %w", err)
	}
	return b.Bytes(), nil
}

// at is the colour of a place: the inks one over the other, and some noise.
func (p *Puzzle) at(x, y float64) color.RGBA {
	c := p.back
	for _, l := range p.lines {
		c = over(c, l.ink, cover(l.fromLine(x, y), l.width)*.55)
	}
	for _, s := range p.others {
		c = over(c, s.ink, cover(s.fromOutline(x, y), s.width))
	}
	c = over(c, p.circle.ink, cover(p.circle.fromOutline(x, y), p.circle.width))
	grain := p.noise.IntN(25) - 12
	return color.RGBA{grained(c.R, grain), grained(c.G, grain), grained(c.B, grain), 255}
}

// far is a distance that no line covers.
const far = 100

// fromOutline is how far a place is from the line of a shape.
func (s shape) fromOutline(x, y float64) float64 {
	dx, dy := x-s.x, y-s.y
	if out := s.r + s.width; math.Abs(dx) > out || math.Abs(dy) > out {
		return far
	}
	reach := math.Sqrt(dx*dx + dy*dy)
	if s.corners == 0 {
		return math.Abs(reach - s.r)
	}
	if reach > s.r+s.width || reach < s.apothem-s.width {
		return far
	}
	// Of a regular figure, by the sector that the place is in.
	sector := 2 * math.Pi / float64(s.corners)
	sin, cos := math.Sincos(math.Mod(math.Atan2(dy, dx)-s.turn+4*math.Pi, sector) - sector/2)
	if over := reach*math.Abs(sin) - s.side; over > 0 {
		return math.Hypot(reach*cos-s.apothem, over)
	}
	return math.Abs(reach*cos - s.apothem)
}

// fromLine is how far a place is from a line of length 2r through the middle.
func (s shape) fromLine(x, y float64) float64 {
	dx, dy := x-s.x, y-s.y
	across := math.Abs(dy*s.cos - dx*s.sin)
	if across > s.width+1 {
		return far
	}
	if beyond := math.Abs(dx*s.cos+dy*s.sin) - s.r; beyond > 0 {
		return math.Hypot(across, beyond)
	}
	return across
}

// cover is how much of a pixel a line of a width covers at a distance.
func cover(distance, width float64) float64 { return min(1, max(0, width/2+.5-distance)) }

func over(c, ink color.RGBA, a float64) color.RGBA {
	if a == 0 {
		return c
	}
	mix := func(under, top uint8) uint8 { return uint8(float64(under)*(1-a) + float64(top)*a) }
	return color.RGBA{mix(c.R, ink.R), mix(c.G, ink.G), mix(c.B, ink.B), 255}
}

func grained(v uint8, grain int) uint8 { return uint8(min(255, max(0, int(v)+grain))) } //nolint:gosec // it is from 0 to 255
