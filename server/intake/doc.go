// Package intake takes alerts in: over HTTP from sources that prove
// themselves, stored before they are acknowledged, each decided once, and at
// most one run for each. It knows no runtime and no database: see [Shelf] and
// [Runs].
package intake
