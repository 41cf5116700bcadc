// Package plugin is kubectl sim, a kubectl plugin. Each command reads as list, view, print: what was listed becomes a
// view, by functions that know no client and no clock, and a view is printed as a table, JSON or YAML.
//
//	status     what needs attention, then receivers, orders and alerts      status_view.go, status_print.go
//	timeline   orders and alerts of one SIM or pool in time order           timeline_view.go, timeline_print.go
//	url        the URLs to paste into Mobile Manager                        url.go
//	send       a test delivery                                              payload.go, deliver.go, send.go
//
// A URL of a receiver holds its token. Only url prints one, and no error does.
package plugin
