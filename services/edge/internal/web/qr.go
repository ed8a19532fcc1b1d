package web

import (
	"bytes"
	"fmt"
	"image/color"
	"net/http"

	"github.com/boombuler/barcode/qr"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// quiet is the empty border that readers of QR codes need, in modules (ISO/IEC
// 18004, 6.3.8).
const quiet = 4

// GetQRCode answers GET /download/{id}/qr.svg. It does not look the file up: the
// code says no more than the address that it was asked by.
func (h *Handler) GetQRCode(w http.ResponseWriter, r *http.Request) error {
	id, err := core.ParseFileID(r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	svg, err := qrSVG(urlOf(dialect.CallOf(r).BaseURL, id))
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "image/svg+xml")
	head.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	head.Set("Cache-Control", "private, max-age=86400")
	send(w, http.StatusOK, svg)
	return nil
}

// qrSVG draws text as a QR code: one path, a rectangle for each run of dark
// modules in a row.
func qrSVG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("encoding a QR code: %w", err)
	}
	size := code.Bounds().Dx()
	dark := func(x, y int) bool {
		return x < size && color.GrayModel.Convert(code.At(x, y)).(color.Gray).Y < 128
	}
	var b bytes.Buffer
	whole := size + 2*quiet
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, whole, whole, whole, whole)
	for y := range size {
		for x := 0; x < size; x++ {
			if !dark(x, y) {
				continue
			}
			from := x
			for dark(x, y) {
				x++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1H%dz", from+quiet, y+quiet, x-from, from+quiet)
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}
