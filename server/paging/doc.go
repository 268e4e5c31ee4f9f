// Package paging wakes people over PagerDuty's Events API v2, and tells it
// when the trouble is over; and it writes notes on the
// incidents that alerts came from, over its REST API. What is to be sent is durable before it is sent; it
// is tried until it was taken. It knows no runtime and no database: see
// [Outbox].
package paging
