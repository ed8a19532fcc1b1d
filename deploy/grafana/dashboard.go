package grafana

// Dashboard is one page of Grafana.
type Dashboard struct {
	UID         string // stands in links; never changes
	Title       string
	Description string
	Vars        []Var
	Rows        []Row
}

// Var is a choice at the top of a dashboard. Queries use it as $Name.
type Var struct {
	Name, Label string
	Query       string // label_values(metric, label)
}

// Row is a headline with panels beneath it.
type Row struct {
	Title  string
	Folded bool // closed when the dashboard opens: what is needed less often
	Panels []Panel
}

// Kind is how a panel draws.
type Kind string

// The kinds of panels.
const (
	Lines Kind = "timeseries"
	Stat  Kind = "stat"     // one large figure for each series, as it is now
	Bars  Kind = "bargauge" // a bar for each series, as it is now
	Table Kind = "table"    // a line for each series, as it is now
	Heat  Kind = "heatmap"  // the buckets of one histogram
)

// Unit is Grafana's id of a unit.
type Unit string

// The units that panels have.
const (
	Seconds    Unit = "s"
	Bytes      Unit = "bytes"
	BytesRate  Unit = "binBps"
	Share      Unit = "percentunit" // 1 is all
	PerSecond  Unit = "ops"
	Requests   Unit = "reqps"
	Count      Unit = "short"
	Since      Unit = "dateTimeFromNow"
	Processors Unit = "none" // seconds of CPU in a second
)

// Panel is one picture.
type Panel struct {
	Title       string
	Description string // what it shows, and what to think of it at night
	Kind        Kind
	Unit        Unit
	Width       int // of 24; 0 shares the row's width evenly
	Queries     []Query
	Limits      []Limit // where the colour changes, lowest first
	Falling     bool    // small values are the bad ones: the first limit is the worst
	Stacked     bool    // lines add up
	Log         bool    // the scale is logarithmic
	Link        *Link
	Max         float64 // upper end of the scale; 0 leaves it open
}

// Query is one PromQL expression and what its series are called.
type Query struct {
	Expr   string
	Legend string // {{label}} stands for its value
	// Traced shows the exemplars of the expression's histogram: dots that open the
	// trace of one observation.
	Traced bool
}

// Colour of a limit.
type Colour string

// The colours, by what they ask of who looks.
const (
	Fine  Colour = "green"
	Watch Colour = "yellow"
	Act   Colour = "red"
)

// Limit is a value from which on a panel has a colour.
type Limit struct {
	From   float64
	Colour Colour
}

// Link leads from a panel to another dashboard that says more.
type Link struct {
	Title string
	UID   string
	// Var of that dashboard is set to the value of Label of the series clicked on;
	// empty sets none.
	Var, Label string
}

// limits are the usual pair: watch from a, act from b.
func limits(a, b float64) []Limit { return []Limit{{a, Watch}, {b, Act}} }

// zero is for what must not happen at all.
func zero() []Limit { return []Limit{{0.000001, Act}} }

// low are the limits of what must not become small: act below a, watch below b.
func low(a, b float64) []Limit { return []Limit{{a, Watch}, {b, Fine}} }

// All gives the dashboards in the order in which an operator meets them.
func All() []Dashboard {
	return []Dashboard{Overview(), Edge(), Bus(), Objects(), Links(), Webhooks(), Runtime()}
}
