package badge_test

import (
	"fmt"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
)

// BenchmarkShow is a warm badge: what each request costs beside HTTP.
func BenchmarkShow(b *testing.B) {
	at := setUp(b)
	at.links.set(linksv1.Counts{Online: 3}, 1)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			at.show(b, id, badge.Plain(badge.WebP))
		}
	})
}

// BenchmarkDraw is one that nobody has asked for yet.
func BenchmarkDraw(b *testing.B) {
	for form, name := range []string{"svg", "webp", "png"} {
		for _, scale := range []int{1, 4} {
			b.Run(fmt.Sprintf("%s-%dx", name, scale), func(b *testing.B) {
				at := setUp(b)
				at.links.set(linksv1.Counts{Online: 3}, 1)
				for i := range b.N {
					at.show(b, id, badge.Look{Form: badge.Form(form), Label: fmt.Sprint("links ", i), Scale: scale})
				}
			})
		}
	}
}
