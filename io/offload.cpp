#include "io/offload.h"

#include <uv.h>

#include "core/error.h"
#include "io/loop.h"

namespace davit::io {

struct offloaded_job::request {
    uv_work_t work{};
    offloaded_job* job = nullptr;
};

offloaded_job::~offloaded_job() {
    delete request_;
}

void offloaded_job::begin() {
    request_ = new request;
    request_->job = this;
    request_->work.data = request_;
    const int failed = uv_queue_work(
        loop::current().native(), &request_->work,
        [](uv_work_t* work) { static_cast<request*>(work->data)->job->work(); },
        [](uv_work_t* work, int status) {
            offloaded_job& job = *static_cast<request*>(work->data)->job;
            if (status == UV_ECANCELED) job.mark_cancelled();
            job.complete();
        });
    if (failed) throw error::system(-failed, "handing a job to the worker pool");
}

void offloaded_job::cancel_requested() noexcept {
    mark_cancelled();
    uv_cancel(reinterpret_cast<uv_req_t*>(&request_->work));
}

} // namespace davit::io
