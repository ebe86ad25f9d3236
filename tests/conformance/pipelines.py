"""Pipelines of float32 audio around an element. Each function returns one that makes the pipeline of the
launch text of the element."""

import gi

from run import Failed, Gst

F32 = 'audioconvert ! audio/x-raw,format=F32LE ! '


def launch(line):
    return lambda element: Gst.parse_launch(line.replace('ELEMENT', element))


def player(factory, file):
    """playbin or playbin3 with the element as audio-filter."""
    def make(element):
        pipeline = Gst.ElementFactory.make(factory)
        pipeline.set_property('uri', Gst.filename_to_uri(file))
        pipeline.set_property('audio-filter', Gst.parse_bin_from_description(F32 + element, True))
        pipeline.set_property('audio-sink', Gst.ElementFactory.make('fakesink', 'end'))
        return pipeline
    return make


def timeline(file):
    """Two clips of GStreamer Editing Services that overlap by 0.5 s, with the element as effect."""
    def make(element):
        gi.require_version('GES', '1.0')
        from gi.repository import GES
        GES.init()
        timeline = GES.Project.new(None).extract()
        timeline.set_auto_transition(True)
        timeline.add_track(GES.AudioTrack.new())
        layer = timeline.append_layer()
        asset = GES.UriClipAsset.request_sync(Gst.filename_to_uri(file))
        for start_s in 0, 1:
            clip = layer.add_asset(asset, start_s * Gst.SECOND, 0, 3 * Gst.SECOND // 2, GES.TrackType.AUDIO)
            if not clip.add(GES.Effect.new(F32 + element)):
                raise Failed('the effect is refused')
        pipeline = GES.Pipeline()
        pipeline.preview_set_audio_sink(Gst.ElementFactory.make('fakesink', 'end'))
        pipeline.set_timeline(timeline)
        pipeline.set_mode(GES.PipelineFlags.AUDIO_PREVIEW)
        return pipeline
    return make


def connect(sender, receiver):
    """Exchanges the descriptions and the network candidates of two elements webrtcbin."""
    gi.require_version('GstWebRTC', '1.0')
    gi.require_version('GstSdp', '1.0')
    from gi.repository import GstSdp, GstWebRTC  # noqa: F401: types of the descriptions

    def create(kind, own, peer, then):
        def created(promise):
            reply = promise.get_reply()  # owns the description
            description = reply.get_value(kind)
            own.emit('set-local-description', description, None)
            peer.emit('set-remote-description', description, None)
            then()
        own.emit(f'create-{kind}', None, Gst.Promise.new_with_change_func(created))

    def answer():
        create('answer', receiver, sender, lambda: None)

    sender.connect('on-negotiation-needed', lambda _: create('offer', sender, receiver, answer))
    for own, peer in (sender, receiver), (receiver, sender):
        own.connect('on-ice-candidate', lambda _, line, candidate, peer: peer.emit(
            'add-ice-candidate', line, candidate), peer)


def webrtc(line):
    """Elements webrtcbin with the names `sender` and `receiver`; the latter sends to `depay`."""
    def make(element):
        pipeline = launch(line)(element)
        sender, receiver, depay = map(pipeline.get_by_name, ('sender', 'receiver', 'depay'))
        connect(sender, receiver)
        receiver.connect('pad-added', lambda _, pad: pad.link(depay.get_static_pad('sink')))
        return pipeline
    return make
