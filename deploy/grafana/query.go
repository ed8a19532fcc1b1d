package grafana

import "fmt"

// Expressions are put together from few words, so that the same thing is asked the
// same way on every dashboard.

// at selects a metric on the instances chosen at the top; more are label matchers.
func at(metric, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf("%s{instance=~\"$instance\"%s}", metric, more)
}

// of selects also by the services chosen at the top.
func of(metric, more string) string {
	s := "service_name=~\"$service\""
	if more != "" {
		s += "," + more
	}
	return at(metric, s)
}

// rate of a selected counter over the interval that the picture needs.
func rate(selected string) string { return "rate(" + selected + "[$__rate_interval])" }

// rise is how much a selected counter grew over the time that the dashboard shows.
func rise(selected string) string { return "increase(" + selected + "[$__range])" }

// sum adds up by the labels named.
func sum(by, expr string) string { return grouped("sum", by, expr) }

// most takes the largest by the labels named: of what several copies tell alike.
func most(by, expr string) string { return grouped("max", by, expr) }

func grouped(op, by, expr string) string {
	if by == "" {
		return op + "(" + expr + ")"
	}
	return op + " by (" + by + ") (" + expr + ")"
}

// quantile of a histogram's selected buckets, by the labels named.
func quantile(q float64, by, buckets string) string {
	labels := "le"
	if by != "" {
		labels += ", " + by
	}
	return fmt.Sprintf("histogram_quantile(%g, sum by (%s) (%s))", q, labels, rate(buckets))
}

// share is a part of a whole; without any of the whole there is none.
func share(part, whole string) string { return part + " / (" + whole + " > 0)" }

// orNone is expr, and 0 where there has been nothing of it yet.
func orNone(expr string) string { return expr + " or vector(0)" }

// quantiles of a histogram's selected buckets: the usual, the slow, the slowest.
func quantiles(buckets string) []Query {
	return []Query{
		{Expr: quantile(.5, "", buckets), Legend: "median"},
		{Expr: quantile(.95, "", buckets), Legend: "95 %"},
		{Expr: quantile(.99, "", buckets), Legend: "99 %", Traced: true},
	}
}

// one is a panel's only query.
func one(expr, legend string) []Query { return []Query{{Expr: expr, Legend: legend}} }

// instances offers those that report a metric.
func instances(metric string) Var {
	return Var{Name: "instance", Label: "Instance", Query: "label_values(" + metric + ", instance)"}
}

// services offers those that run.
func services() Var {
	return Var{Name: "service", Label: "Service", Query: "label_values(sluice_build_info, service_name)"}
}
