// AWS X-Ray's SDK.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-xray-sdk-go/v2/header"
	"github.com/aws/aws-xray-sdk-go/v2/strategy/sampling"
	"github.com/aws/aws-xray-sdk-go/v2/xray"

	. "interop/peers/go/protocol"
)

// silence sends segments nowhere.
type silence struct{}

func (silence) Emit(*xray.Segment) {}

func (silence) RefreshEmitterWithAddress(*net.UDPAddr) {}

// fixed decides for roots.
type fixed bool

func (fixed fixed) ShouldTrace(*sampling.Request) *sampling.Decision {
	return &sampling.Decision{Sample: bool(fixed)}
}

func main() {
	// Without this, what is not sampled has ids of zeros.
	os.Setenv("AWS_XRAY_NOOP_ID", "false")
	Serve("github.com/aws/aws-xray-sdk-go/v2", Peer{Inject: inject, Extract: extract, Through: through})
}

func start(headers http.Header, sampled bool) (*xray.Segment, error) {
	config := xray.Config{SamplingStrategy: fixed(sampled), Emitter: silence{}}
	ctx, err := xray.ContextWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest("GET", "http://127.0.0.1/", nil)
	if err != nil {
		return nil, err
	}
	_, segment := xray.NewSegmentFromHeader(ctx, "span", request, header.FromString(headers.Get(xray.TraceIDHeaderKey)))
	return segment, nil
}

// hex turns `1-5759e988-bd862e3fe1be46a994272793` into 32 digits.
func hex(id string) string {
	return strings.ReplaceAll(strings.TrimPrefix(id, "1-"), "-", "")
}

func write(segment *xray.Segment) Answer {
	header := segment.DownstreamHeader()
	return Answer{
		"headers":  [][2]string{{xray.TraceIDHeaderKey, header.String()}},
		"trace_id": hex(header.TraceID),
		"span_id":  segment.ID,
		"sampled":  segment.Sampled,
	}
}

func inject(sampled bool, _ map[string]string) (Answer, error) {
	segment, err := start(http.Header{}, sampled)
	if err != nil {
		return nil, err
	}
	return write(segment), nil
}

func extract(headers http.Header) (Answer, error) {
	segment, err := start(headers, true)
	if err != nil || segment.ParentID == "" {
		return Answer{}, err
	}
	answer := Answer{"trace_id": hex(segment.TraceID), "span_id": segment.ParentID, "sampled": segment.Sampled}
	if decision := segment.IncomingHeader.SamplingDecision; decision != header.Sampled && decision != header.NotSampled {
		answer["sampled"] = nil
	}
	return answer, nil
}

func through(headers http.Header) (Answer, error) {
	segment, err := start(headers, true)
	if err != nil {
		return nil, err
	}
	answer := write(segment)
	answer["parent"] = fmt.Sprint(segment.ParentID)
	return answer, nil
}
