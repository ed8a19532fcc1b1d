package badge

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"github.com/HugoSmits86/nativewebp"
	"github.com/go-fonts/dejavu/dejavusans"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"
)

// textSize of DejaVu Sans, pixels at scale 1: it has Verdana's shapes and widths.
const textSize = 11

// painter draws badges in pixels. It is safe for concurrent use.
type painter struct{ font *opentype.Font }

func newPainter() (*painter, error) {
	f, err := opentype.Parse(dejavusans.TTF)
	if err != nil {
		return nil, fmt.Errorf("reading the font of badges: %w", err)
	}
	return &painter{font: f}, nil
}

// encode draws a badge as l wants it.
func (p *painter) encode(f Face, l Look) ([]byte, error) {
	if l.Form == SVG {
		return svg(f, l), nil
	}
	img, err := p.draw(f, l)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if l.Form == PNG {
		err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, indexed(img))
	} else {
		err = nativewebp.Encode(&b, indexed(img), nil)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding a badge: %w", err)
	}
	return b.Bytes(), nil
}

// draw is svg in pixels.
func (p *painter) draw(f Face, l Look) (*image.NRGBA, error) {
	at, s := layoutOf(f, l.Label), l.Scale
	face, err := opentype.NewFace(p.font, &opentype.FaceOptions{Size: float64(textSize * s), DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("sizing the font of badges: %w", err)
	}
	defer face.Close() //nolint:errcheck // it holds no resource
	canvas := image.NewRGBA(image.Rect(0, 0, at.width*s, height*s))
	fill := func(x, y, w, h int, c rgb) {
		draw.Draw(canvas, image.Rect(x*s, y*s, (x+w)*s, (y+h)*s), image.NewUniform(color.RGBA{c.r, c.g, c.b, 255}), image.Point{}, draw.Src)
	}
	fill(0, 0, at.left, height, grey)
	fill(at.left, 0, at.width-at.left, height, f.colour())
	fill(at.left, height-barLine, at.bar, barLine, green)
	shade(canvas)
	write(canvas, face, at.label, padding*s, at.labelText*s, s)
	write(canvas, face, at.message, (at.left+padding)*s, at.messageText*s, s)
	return rounded(canvas, float64(radius*s)), nil
}

// shade lays the gradient over: a tenth of #bbb at the top to a tenth of black.
func shade(img *image.RGBA) {
	for y := range img.Rect.Dy() {
		over := 0xbb * (1 - (float64(y)+.5)/float64(img.Rect.Dy()))
		row := img.Pix[y*img.Stride : y*img.Stride+4*img.Rect.Dx()]
		for i, v := range row {
			if i%4 != 3 {
				row[i] = uint8(math.Round(float64(v)*.9 + over*.1))
			}
		}
	}
}

// write sets a text and its shadow, stretched to width.
func write(img draw.Image, face font.Face, s string, x, width, scale int) {
	s = norm.NFC.String(s)
	runes := []rune(s)
	own := font.MeasureString(face, s)
	gap := (fixed.I(width) - own) / fixed.Int26_6(max(1, len(runes)))
	for _, layer := range []struct {
		colour color.Color
		down   int
	}{{color.NRGBA{1, 1, 1, 77}, 1}, {color.White, 0}} {
		d := font.Drawer{Dst: img, Src: image.NewUniform(layer.colour), Face: face, Dot: fixed.P(x, (baseline+layer.down)*scale)}
		d.Dot.X += gap / 2
		for i, r := range runes {
			if i > 0 {
				d.Dot.X += face.Kern(runes[i-1], r) + gap
			}
			off := fixed.Int26_6(0)
			if scale == 1 { // letters on whole pixels are sharper, and alike
				off = fixed.I(d.Dot.X.Round()) - d.Dot.X
			}
			d.Dot.X += off
			d.DrawString(string(r))
			d.Dot.X -= off
		}
	}
}

// rounded cuts the corners off: only their alpha changes, so that no colour arises
// that was not drawn.
func rounded(img *image.RGBA, r float64) *image.NRGBA {
	const fine = 8 // samples per pixel and direction
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := &image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect} // opaque, so that both mean the same
	size := int(math.Ceil(r))
	for y := range size {
		for x := range size {
			inside := 0
			for i := range fine * fine {
				dx, dy := r-float64(x)-(float64(i%fine)+.5)/fine, r-float64(y)-(float64(i/fine)+.5)/fine
				if dx*dx+dy*dy <= r*r {
					inside++
				}
			}
			alpha := uint8(255 * inside / (fine * fine)) //nolint:gosec // 255 at most
			for _, at := range [4]int{out.PixOffset(x, y), out.PixOffset(w-1-x, y), out.PixOffset(x, h-1-y), out.PixOffset(w-1-x, h-1-y)} {
				out.Pix[at+3] = alpha
			}
		}
	}
	return out
}

// indexed gives the picture by a palette where it has few enough colours, which
// makes files half as large.
func indexed(img *image.NRGBA) image.Image {
	index := map[color.NRGBA]uint8{}
	var palette color.Palette
	out := image.NewPaletted(img.Rect, nil)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			c := img.NRGBAAt(x, y)
			i, ok := index[c]
			if !ok {
				if len(palette) == 256 {
					return img
				}
				i = uint8(len(palette)) //nolint:gosec // 255 at most
				index[c] = i
				palette = append(palette, c)
			}
			out.SetColorIndex(x, y, i)
		}
	}
	out.Palette = palette
	return out
}
